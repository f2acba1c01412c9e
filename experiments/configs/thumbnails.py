"""Small colour pictures with the small network: the crops of `photos` at 36 pixels.

    python experiments/train.py thumbnails

Which of sixteen photographs does a crop come from? 3,584 to train on, 448 to test; a minute or
two on two cores. With `--data NAME --data-dir DIR` it takes pictures of your own, prepared with
`--size 36`.
"""

from alexnet_jax.recipe import TrainConfig

CONFIG = TrainConfig(
    name="thumbnails",
    data="thumbnails",
    preset="small",
    image_size=32,
    steps=600,
    batch=64,
    learning_rate=0.01,
    schedule="epochs",
    drop_epochs=(8.0,),  # after step 448
    pixel_scale=1 / 64,  # inputs of about -2 to 2, which initial values by fan-in expect
    log_every=20,
    evaluate_every=100,
    checkpoint_every=100,
)
