"""A learning rate that drops against a constant one.

python experiments/paper/learning_rate_drops.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("learning_rate_drops")
