"""Export a network to other programs: python experiments/export.py WORKDIR --to KIND --out FILE"""

from _command import run_command

if __name__ == "__main__":
    run_command("export")
