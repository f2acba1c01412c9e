"""Normalization within each tower, as in the 2012 source, against across both towers.

python experiments/paper/lrn_towers.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("lrn_towers")
