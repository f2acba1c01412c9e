"""Import weights of other projects: python experiments/import_weights.py KIND FILE --workdir DIR"""

from _command import run_command

if __name__ == "__main__":
    run_command("import")
