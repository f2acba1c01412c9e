"""Words of the command line: options, their values, and mistakes told in one line."""
