"""Print a network's table of layers: python experiments/summary.py [PRESET]"""

from _command import run_command

if __name__ == "__main__":
    run_command("summary")
