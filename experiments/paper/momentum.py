"""Learning rate inside the velocity, as in 2012, against outside, as in PyTorch.

python experiments/paper/momentum.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("momentum")
