"""Test all claims of the paper: python experiments/paper/run.py --scale cifar --data-dir data"""

from _claim import run_claims

if __name__ == "__main__":
    run_claims()
