"""Several networks together against each alone.

python experiments/paper/ensemble.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("ensemble")
