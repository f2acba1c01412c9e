"""Ten views of an image against its centre crop.

python experiments/paper/ten_views.py --scale cifar --data-dir data
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("ten_views")
