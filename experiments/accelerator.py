"""Check and measure this machine's accelerators: python experiments/accelerator.py [options]"""

from _command import run_command

if __name__ == "__main__":
    run_command("accelerator")
