"""Files of weights, format by format: bytes to named arrays."""
