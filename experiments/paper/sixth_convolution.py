"""A sixth convolution and pretraining on more classes, against neither.

python experiments/paper/sixth_convolution.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("sixth_convolution")
