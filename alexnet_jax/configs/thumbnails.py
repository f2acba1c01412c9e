"""Small colour pictures with the small network: the crops of `photos`, at 36 pixels.

    alexnet-jax train thumbnails

The crops are classified by the photograph they come from, one of sixteen. 3,584 are for training,
448 for testing; a training takes a minute or two on two cores. With `--data NAME --data-dir DIR` it
takes your own pictures, prepared with `--size 36`.
"""

import dataclasses

from alexnet_jax.paper import SMALL

# The plain run of the claims at the small scale, logged and evaluated more often.
CONFIG = dataclasses.replace(
    SMALL,
    name="thumbnails",
    log_every=20,
    evaluate_every=100,
    checkpoint_every=100,
    keep_checkpoints=2,
)
