"""CIFAR-10 in 520 epochs: the network that reached 11 % with ten views of its test images.

    alexnet-jax prepare cifar10 --archive cifar-10-python.tar.gz --data-dir data
    alexnet-jax prepare pack cifar10 --data-dir data
    alexnet-jax train cifar_11pct --data-dir data

Training images are random crops of 24x24 pixels, half of them mirrored. The author trained on four
fifths of the images for about 350 epochs, then on all for about 150, and for 10 more at a tenth and
10 at a hundredth of the rate. This config trains on all images throughout.

Source: `layers-conv-local-11pct.cfg` and `layer-params-conv-local-11pct.cfg` of cuda-convnet.
"""

from alexnet_jax import TrainConfig

CONFIG = TrainConfig(
    name="cifar_11pct",
    data="cifar10",
    preset="cifar_11pct",
    steps=203_125,
    learning_rate=0.001,  # the biases' is .002, by the preset's rule
    weight_decay=0.0,
    layer_decays={"local3": 0.004, "local4": 0.004, "fc5": 0.01},
    schedule="epochs",
    drop_epochs=(500.0, 510.0),
    colour_noise=0.0,
    log_every=100,
    evaluate_every=3_907,
    checkpoint_every=1_953,
)
