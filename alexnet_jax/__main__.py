"""The installed command, as `python -m alexnet_jax COMMAND ...`."""

from alexnet_jax.cli.program import main

if __name__ == "__main__":
    main()
