"""Count the values sent between devices: python experiments/communication.py [options]"""

from _command import run_command

if __name__ == "__main__":
    run_command("communication")
