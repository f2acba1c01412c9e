"""Which of thirteen photographs does a crop come from? The full-size network, in colour.

    python experiments/train.py photos

1,456 crops to train on, 364 of other parts of the same photographs to test: `data/photos.py`. Expect
QUARTER of an hour on two cores, or less, and about NN % right; the nearest training crop by colour
histogram has 90 %, by pixels 55 %. A checkpoint takes 0.7 GB, and three are kept.
"""

from alexnet_jax.recipe import TrainConfig

CONFIG = TrainConfig(
    name="photos",
    data="photos",
    preset="paper",
    init="small",  # by fan-in: after 140 steps it is ahead of the source's, and that of the paper's
    pixel_scale=1 / 64,  # inputs of about -2 to 2, which initial values by fan-in expect
    steps=600,
    batch=32,
    learning_rate=0.005,
    schedule="epochs",
    drop_epochs=(9.0, 12.0),
    ema=0.98,
    log_every=10,
    evaluate_every=100,
    checkpoint_every=100,
    keep_checkpoints=1,
)
