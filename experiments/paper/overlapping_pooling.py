"""Pooling windows that overlap against windows that do not.

python experiments/paper/overlapping_pooling.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("overlapping_pooling")
