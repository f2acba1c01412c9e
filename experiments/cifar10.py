"""Repeat the trainings of 2011 on CIFAR-10: python experiments/cifar10.py --data-dir DIR"""

from _command import run_command

if __name__ == "__main__":
    run_command("cifar10")
