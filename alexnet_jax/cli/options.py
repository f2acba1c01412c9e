"""How options are declared: what scripts use of tyro, which nothing else imports."""

from alexnet_jax.cli.values import mistakes_in_a_line

with mistakes_in_a_line():
    import tyro
    from tyro.conf import Positional, UseAppendAction, arg

__all__ = ["Positional", "UseAppendAction", "arg", "tyro"]
