"""Twice the batch and twice the learning rate against the paper's.

python experiments/paper/batch_size.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("batch_size")
