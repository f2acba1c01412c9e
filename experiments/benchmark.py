"""Measure the speed of the network: python experiments/benchmark.py [options]"""

from _command import run_command

if __name__ == "__main__":
    run_command("benchmark")
