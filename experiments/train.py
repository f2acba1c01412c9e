"""Train a network: python experiments/train.py CONFIG [options]"""

from _command import run_command

if __name__ == "__main__":
    run_command("train")
