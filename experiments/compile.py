"""Compile for a machine that is not there: python experiments/compile.py --target v5e"""

from _command import run_command

if __name__ == "__main__":
    run_command("compile")
