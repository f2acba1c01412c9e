"""Runs every command and every Python example that Markdown files show, in order.

Fenced blocks marked ```bash and ```python are run, the virtual environment's programs first on
the PATH. The checks themselves are left out, since CI has just called them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

LEFT_OUT = ("make test", "make quick", "make lint", "make notebooks")


def main(path: str) -> None:
    text = Path(path).read_text(encoding="utf-8")
    environment = dict(os.environ)
    environment["PATH"] = f"{Path('.venv/bin').absolute()}{os.pathsep}{environment['PATH']}"
    blocks = re.findall(r"^```(bash|python)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    if not blocks:
        raise SystemExit(f"{path} shows no commands")
    for language, block in blocks:
        lines = [line for line in block.splitlines() if not line.startswith(LEFT_OUT)]
        code = "\n".join(lines)
        if not code.strip():
            continue
        print(f"--- {path}: {language}\n{code}", flush=True)
        command = ["bash", "-euo", "pipefail", "-c"] if language == "bash" else ["python", "-c"]
        subprocess.run([*command, code], env=environment, check=True)


if __name__ == "__main__":
    for page in sys.argv[1:]:
        main(page)
