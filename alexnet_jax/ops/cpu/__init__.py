"""Forms of the layers that compute the same values faster on a CPU."""
