"""Towers that exchange maps before conv3 against separate towers.

python experiments/paper/crossings.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("crossings")
