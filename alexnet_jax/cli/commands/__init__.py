"""Commands, one a module: `Options`, `main`, and `command`, which parses and runs.

A script in experiments/ and the installed command are two doors to the same function.
"""
