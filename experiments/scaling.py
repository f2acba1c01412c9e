"""Estimate training on many devices: python experiments/scaling.py [options]"""

from _command import run_command

if __name__ == "__main__":
    run_command("scaling")
