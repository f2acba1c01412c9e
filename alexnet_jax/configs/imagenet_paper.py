"""ImageNet 2012 as in the paper: its network, 90 epochs and learning rate rule.

    alexnet-jax prepare imagenet --archives DIR --data-dir data
    alexnet-jax prepare pack imagenet2012 --data-dir data
    alexnet-jax train imagenet_paper --data-dir data
    alexnet-jax evaluate runs/imagenet_paper --views 10

Expected: 40.7 / 18.2 % error (top-1 / top-5) with ten views, as in the paper's table 2 for one
network (logged for net 145 of the released source: 40.664 / 18.210); with the centre crop about
42.6 / 19.7 %, as logged for similar networks. Not run to the end here.

The rate is divided by 10 when the validation error stalls, as in section 5. Initial values are the
source's, with a standard deviation of .03 in conv3 to conv5. With the paper's .01, the logits
hardly depend on the image.

Estimates, not measured: 1.5 hours on one GPU that does 1e14 counted operations/s, a tenth of an
H200's bfloat16 peak, and 38 minutes on eight joined by NVLink (--topology data), both by
alexnet-jax scaling; 30 days on two CPU cores at the 44 images/s of docs/performance.md. They
assume that the input keeps up.
"""

from alexnet_jax import TrainConfig

EPOCH = 10_009  # updates, of 1,281,167 images

CONFIG = TrainConfig(
    name="imagenet_paper",
    data="imagenet2012",
    preset="paper",
    init="source2012",
    steps=90 * EPOCH,
    batch=128,
    learning_rate=0.01,
    schedule="plateau",
    patience=3,  # evaluations, one an epoch
    log_every=100,
    evaluate_every=EPOCH,
    checkpoint_every=2000,
)
