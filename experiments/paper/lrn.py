"""Local response normalization against none.

python experiments/paper/lrn.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("lrn")
