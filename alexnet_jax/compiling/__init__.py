"""Programs compiled for accelerators that are not there, and what their texts tell."""
