"""Small colour pictures with the small network: the crops of `photos` at 36 pixels.

    python experiments/train.py thumbnails

Which of sixteen photographs does a crop come from? 3,584 to train on, 448 to test; a minute or
two on two cores. With `--data NAME --data-dir DIR` it takes pictures of your own, prepared with
`--size 36`.
"""

import dataclasses

from alexnet_jax.paper import SMALL

# The plain run of the claims at the small scale, looked at more often.
CONFIG = dataclasses.replace(
    SMALL,
    name="thumbnails",
    log_every=20,
    evaluate_every=100,
    checkpoint_every=100,
    keep_checkpoints=2,
)
