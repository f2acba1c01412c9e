"""Evaluate trained networks: python experiments/evaluate.py WORKDIR... [options]"""

from _command import run_command

if __name__ == "__main__":
    run_command("evaluate")
