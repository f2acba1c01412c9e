"""Extract and examine features: python experiments/features.py extract|neighbours|probe ..."""

from _command import run_command

if __name__ == "__main__":
    run_command("features")
