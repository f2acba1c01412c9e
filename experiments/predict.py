"""Classify pictures with a trained network: python experiments/predict.py WORKDIR IMAGE..."""

from _command import run_command

if __name__ == "__main__":
    run_command("predict")
