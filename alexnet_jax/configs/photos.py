"""Crops of sixteen photographs, classified by photograph with the full-size network, in colour.

    alexnet-jax train photos

There are 3,584 crops for training, and 448 of other parts of the same photographs for testing. A
checkpoint takes 0.7 GB, and two are kept.
"""

from alexnet_jax import TrainConfig

CONFIG = TrainConfig(
    name="photos",
    data="photos",
    preset="paper",
    init="small",  # by fan-in; learns faster here than from the source's values
    pixel_scale=1 / 64,  # inputs of about -2 to 2, as initial values by fan-in assume
    steps=1000,
    batch=32,
    learning_rate=0.005,
    schedule="epochs",
    drop_epochs=(7.15,),  # after step 800
    ema=0.985,
    log_every=10,
    evaluate_every=100,
    checkpoint_every=100,
    keep_checkpoints=1,
)
