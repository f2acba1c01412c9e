"""Draw what a trained network has learnt: python experiments/look.py WORKDIR [IMAGE...]"""

from _command import run_command

if __name__ == "__main__":
    run_command("look")
