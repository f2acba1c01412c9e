"""Write one HTML page about trainings: python experiments/report.py WORKDIR..."""

from _command import run_command

if __name__ == "__main__":
    run_command("report")
