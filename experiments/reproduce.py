"""Reproduce the paper's table 2: python experiments/reproduce.py --archives DIR"""

from _command import run_command

if __name__ == "__main__":
    run_command("reproduce")
