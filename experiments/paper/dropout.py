"""Dropout against no dropout: overfitting.

python experiments/paper/dropout.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("dropout")
