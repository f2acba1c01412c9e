"""Two towers, on two GPUs in 2012, against one tower with half the kernels.

python experiments/paper/two_towers.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("two_towers")
