"""Dropout against no dropout: overfitting.

python experiments/paper/dropout.py
"""

from _claim import run_claim

if __name__ == "__main__":
    run_claim("dropout")
