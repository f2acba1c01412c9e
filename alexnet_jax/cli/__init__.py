"""Command line of the scripts: options, their values, and errors reported in one line."""
