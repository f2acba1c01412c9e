"""Tiny ImageNet, 100,000 pictures of 64 pixels in 200 classes, with the preset `tiny`.

alexnet-jax prepare tiny_imagenet --images tiny-imagenet-200 --data-dir data
alexnet-jax prepare pack tiny_imagenet --data-dir data
alexnet-jax train tiny_imagenet --data-dir data
"""

from alexnet_jax import TrainConfig

EPOCH = 782  # updates, of 100,000 images

CONFIG = TrainConfig(
    name="tiny_imagenet",
    data="tiny_imagenet",
    preset="tiny",
    steps=40 * EPOCH,
    batch=128,
    learning_rate=0.01,
    schedule="quadratic",
    warmup_epochs=0.5,
    log_every=100,
    evaluate_every=2 * EPOCH,
    checkpoint_every=EPOCH,
)
