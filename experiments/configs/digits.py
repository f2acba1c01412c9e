"""Handwritten digits with the small network: the whole of training in about a minute.

    python experiments/train.py digits

scikit-learn's 1,797 digits, 1,437 of them to train on; crops move by up to two of 32 pixels, never
mirrored. Expect about 99 % of the 360 test digits right.
"""

from alexnet_jax import TrainConfig

CONFIG = TrainConfig(
    name="digits",
    data="digits",
    preset="small",
    steps=700,
    batch=64,
    learning_rate=0.02,  # the narrow network's; the paper's is .01
    schedule="epochs",
    drop_epochs=(20.0, 27.0),
    mirror=False,
    colour_noise=0.0,
    pixel_scale=1 / 128,  # inputs of about -1 to 1, which initial values by fan-in expect
    log_every=20,
    evaluate_every=100,
    checkpoint_every=100,
)
