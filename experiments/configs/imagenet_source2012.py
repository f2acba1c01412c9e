"""ImageNet 2012 as net 145 of the released source: the network behind the published numbers.

    python experiments/prepare.py imagenet --archives DIR --data-dir data
    python experiments/prepare.py pack imagenet2012 --data-dir data
    python experiments/train.py imagenet_source2012 --data-dir data
    python experiments/evaluate.py runs/imagenet_source2012 --views 10

To expect: 40.664 / 18.210 % error (top-1 / top-5) with ten views, logged in layer-params-145.cfg,
the paper's 40.7 / 18.2; with the centre crop about 42.6 / 19.7 % by the logs of its siblings. Not
run to the end here.

The rate falls tenfold after 25, 51 and 79 of 91 epochs, as logged. Left out: the log's last third
also freezes conv1 and turns the colour noise off.

Estimates, not measured: 1.6 hours on one GPU that does 1e14 counted operations/s, a tenth of an
H200's bfloat16 peak, 38 minutes on eight joined by NVLink (--topology data), by
experiments/scaling.py; 35 days on two CPU cores at the 39 images/s of README. Input must keep up.
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
