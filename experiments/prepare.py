"""Prepare data sets for training: python experiments/prepare.py SOURCE ... --data-dir DIR"""

from _command import run_command

if __name__ == "__main__":
    run_command("prepare")
