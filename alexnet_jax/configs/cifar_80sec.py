"""CIFAR-10 in ten epochs: the network that reached 26 % in 80 seconds on a GPU of 2011.

    alexnet-jax prepare cifar10 --archive cifar-10-python.tar.gz --data-dir data
    alexnet-jax prepare pack cifar10 --data-dir data
    alexnet-jax train cifar_80sec --data-dir data

Every number is the author's but the last: the rate falls by ten after eight epochs, as he says, and
training ends after two more, our choice. Images are used whole, without mirroring.

Source: `layers-80sec.cfg` and `layer-params-80sec.cfg` of cuda-convnet.
"""

from alexnet_jax import TrainConfig

CONFIG = TrainConfig(
    name="cifar_80sec",
    data="cifar10",
    preset="cifar_80sec",
    steps=3_907,
    learning_rate=0.001,  # the biases' is .002, by the preset's rule
    weight_decay=0.004,
    layer_decays={"fc4": 0.03, "fc5": 0.03},
    schedule="epochs",
    drop_epochs=(8.0,),
    mirror=False,
    colour_noise=0.0,
    log_every=100,
    evaluate_every=391,
    checkpoint_every=391,
)
