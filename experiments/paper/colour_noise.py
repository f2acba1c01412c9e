"""Noise along the principal colours against no noise.

python experiments/paper/colour_noise.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("colour_noise")
