"""Rectified linear units against tanh: the paper's figure 1.

python experiments/paper/relu.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("relu")
