"""Test all claims of the paper: python experiments/paper/run.py --scale small"""

from _claim import run_claims

if __name__ == "__main__":
    run_claims()
