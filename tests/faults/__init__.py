"""Faults on purpose: kills, damage, full disks, bad input and load. `run.py` does all of them."""
