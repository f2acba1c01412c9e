"""CIFAR-10 in 140 epochs: the network that reached 19 % in 20 minutes on a GPU of 2011.

    alexnet-jax prepare cifar10 --archive cifar-10-python.tar.gz --data-dir data
    alexnet-jax prepare pack cifar10 --data-dir data
    alexnet-jax train cifar_19pct --data-dir data

The rate falls by ten after 120 and 130 epochs. Images are used whole, without mirroring.
The decay of fc4 is that of the 18 % network, since the author's file for this one does not say it.

Source: `layers-19pct.cfg` and `layer-params-19pct.cfg` of cuda-convnet.
"""

from alexnet_jax import TrainConfig

CONFIG = TrainConfig(
    name="cifar_19pct",
    data="cifar10",
    preset="cifar_19pct",
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
