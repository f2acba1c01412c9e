"""Handwritten digits with the small network: a complete training in about a minute.

    alexnet-jax train digits

The data are scikit-learn's 1,797 digits, 1,437 of them for training. Crops are shifted by up to two
of 32 pixels and never mirrored. About 99 % of the 360 test digits are classified correctly.
"""

from alexnet_jax import TrainConfig

CONFIG = TrainConfig(
    name="digits",
    data="digits",
    preset="small",
    steps=700,
    batch=64,
    learning_rate=0.02,  # suits the narrow network; the paper's is .01
    schedule="epochs",
    drop_epochs=(20.0, 27.0),
    mirror=False,
    colour_noise=0.0,
    pixel_scale=1 / 128,  # inputs of about -1 to 1, as initial values by fan-in assume
    log_every=20,
    evaluate_every=100,
    checkpoint_every=100,
)
