"""Measure baselines that a network should beat: python experiments/baseline.py DATA"""

from _command import run_command

if __name__ == "__main__":
    run_command("baseline")
