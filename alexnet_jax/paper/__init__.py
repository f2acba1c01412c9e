"""The claims of the paper and of the 2012 logs, as experiments that can be run."""
