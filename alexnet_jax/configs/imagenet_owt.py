"""ImageNet 2012 with the single-tower network of 2014 that torchvision ships.

    alexnet-jax prepare imagenet --archives DIR --data-dir data
    alexnet-jax prepare pack imagenet2012 --data-dir data
    alexnet-jax train imagenet_owt --data-dir data
    alexnet-jax evaluate runs/imagenet_owt

For comparison: 56.522 / 79.066 % accuracy (top-1 / top-5) with the centre crop, recorded for
torchvision's weights. Not run to the end here.

It has 90 epochs, a rate divided by 10 every 30, a weight decay of 1e-4, and pixels divided by their
standard deviation of about 57.6. These are customary values, not checked against the recipe of
torchvision's weights. torchvision crops at random scales and shapes, while crops here are those of
2012, so the recorded accuracy need not be reached.

Estimates, not measured: 1.4 hours on one GPU that does 1e14 counted operations/s, a tenth of an
H200's bfloat16 peak, and 24 minutes on eight joined by NVLink (--topology data), both by
alexnet-jax scaling; 25 days on two CPU cores at the 53 images/s of docs/performance.md. They
assume that the input keeps up.
"""

from alexnet_jax import TrainConfig

EPOCH = 1_281_167 / 256  # updates

CONFIG = TrainConfig(
    name="imagenet_owt",
    data="imagenet2012",
    preset="owt",
    steps=round(90 * EPOCH),
    batch=256,
    learning_rate=0.01,
    weight_decay=1e-4,
    schedule="epochs",
    drop_epochs=(30.0, 60.0),
    colour_noise=0.0,
    pixel_scale=1 / 57.6,
    log_every=100,
    evaluate_every=round(EPOCH),
    checkpoint_every=2500,
)
