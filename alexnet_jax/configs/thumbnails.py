"""Small colour pictures with the small network: the crops of `photos`, at 36 pixels.

    alexnet-jax train thumbnails

The crops are classified by the photograph they come from, one of sixteen. 3,584 are for training,
448 for testing; a training takes a minute or two on two cores. With `--data NAME --data-dir DIR` it
takes your own pictures, prepared with `--size 36`.
"""

from alexnet_jax import TrainConfig

CONFIG = TrainConfig(
    name="thumbnails",
    data="thumbnails",
    preset="small",
    image_size=32,
    steps=600,
    batch=64,
    learning_rate=0.01,
    schedule="epochs",
    drop_epochs=(8.0,),
    pixel_scale=1 / 64,  # inputs of about -2 to 2, as initial values by fan-in assume
    log_every=20,
    evaluate_every=100,
    checkpoint_every=100,
    keep_checkpoints=2,
)
