"""Random crops and mirror images against one fixed view: overfitting.

python experiments/paper/augmentation.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("augmentation")
