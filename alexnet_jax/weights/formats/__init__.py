"""Readers of weights, one for each file format: from bytes to named arrays."""
