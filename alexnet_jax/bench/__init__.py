"""How fast the network is, beside its peers, and what keeps each layer from being faster.

`work` says what is timed, `ours` and `peer` make it ready, `worker` runs one of them in a process
of its own, `race` takes turns between such processes, `report` says what came out. Nothing but
jax, flax, optax, chex and numpy is imported, and torch where it is asked for.
"""
