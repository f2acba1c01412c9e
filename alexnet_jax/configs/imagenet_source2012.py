"""ImageNet 2012 as net 145 of the released source: the network behind the published numbers.

    alexnet-jax prepare imagenet --archives DIR --data-dir data
    alexnet-jax prepare pack imagenet2012 --data-dir data
    alexnet-jax train imagenet_source2012 --data-dir data
    alexnet-jax evaluate runs/imagenet_source2012 --views 10

Expected: 40.664 / 18.210 % error (top-1 / top-5) with ten views, as logged in
layer-params-145.cfg; the paper has 40.7 / 18.2. With the centre crop about 42.6 / 19.7 %, as logged
for similar networks. Not run to the end here.

The rate is divided by 10 after 25, 51 and 79 of 91 epochs, as logged. In the last third of the log,
conv1 is also frozen and the colour noise turned off, which is left out here.

Estimates, not measured: 1.6 hours on one GPU that does 1e14 counted operations/s, a tenth of an
H200's bfloat16 peak, and 38 minutes on eight joined by NVLink (--topology data), both by
alexnet-jax scaling; 35 days on two CPU cores at the 39 images/s of docs/performance.md. They
assume that the input keeps up.
"""

from alexnet_jax import TrainConfig

EPOCH = 1_281_167 / 128  # updates

CONFIG = TrainConfig(
    name="imagenet_source2012",
    data="imagenet2012",
    preset="source2012",
    steps=round(91 * EPOCH),
    batch=128,
    learning_rate=0.01,
    schedule="epochs",
    drop_epochs=(25.0, 51.0, 79.0),
    log_every=100,
    evaluate_every=round(EPOCH),
    checkpoint_every=2000,
)
