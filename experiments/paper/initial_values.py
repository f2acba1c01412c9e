"""Initial values of the paper against those of the 2012 source.

python experiments/paper/initial_values.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("initial_values")
