"""CIFAR-10 in 140 epochs: the network that reached 18 % in 20 minutes on a GPU of 2011.

    alexnet-jax prepare cifar10 --archive cifar-10-python.tar.gz --data-dir data
    alexnet-jax prepare pack cifar10 --data-dir data
    alexnet-jax train cifar_18pct --data-dir data

The rate falls by ten after 120 and 130 epochs. Images are used whole, without mirroring.

Source: `layers-18pct.cfg` and `layer-params-18pct.cfg` of cuda-convnet.
"""

from alexnet_jax import TrainConfig

CONFIG = TrainConfig(
    name="cifar_18pct",
    data="cifar10",
    preset="cifar_18pct",
    steps=54_688,
    learning_rate=0.001,  # the biases' is .002, by the preset's rule
    weight_decay=0.004,
    layer_decays={"fc4": 1.0},
    schedule="epochs",
    drop_epochs=(120.0, 130.0),
    mirror=False,
    colour_noise=0.0,
    log_every=100,
    evaluate_every=1_953,
    checkpoint_every=391,
)
