"""Serve a page with a trained network in it: python experiments/serve.py NETWORK"""

from _command import run_command

if __name__ == "__main__":
    run_command("serve")
