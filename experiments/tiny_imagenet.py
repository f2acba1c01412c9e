"""Train on Tiny ImageNet, with ablations: python experiments/tiny_imagenet.py --data-dir DIR"""

from _command import run_command

if __name__ == "__main__":
    run_command("tiny_imagenet")
