"""ImageNet 2012 in batches of 8,192: Caffe's AlexNet by LARS (You, Gitman, Ginsburg 2017).

    python experiments/prepare.py imagenet --archives DIR --data-dir data
    python experiments/prepare.py pack imagenet2012 --data-dir data
    python experiments/train.py imagenet_large_batch --data-dir data
    python experiments/evaluate.py runs/imagenet_large_batch

To expect: about 58 % top-1 with the centre crop; arXiv 1708.03888 reports AlexNet at 8K "without
loss in accuracy". Not run to the end here.

The rate rises to 10 in 600 updates and falls with the square of what is left of 100 epochs, trust
.001, decay .0005 inside the ratio: the 8K solver of the authors' fork of Caffe
(borisgin/nvcaffe, models/alexnet_bn), here with the normalization across maps. Biases, some of
which start from 0 and would take the whole rate, follow plain momentum from .02 (Caffe takes twice
the rate for them), without decay: our choice.

A batch takes 1.6 GB, and up to five are held, on the host and on the devices; it is computed in 16
parts. On eight GPUs: --topology data --set accumulate=2.

Estimates, not measured: 1.5 hours on one GPU that does 1e14 counted operations/s, a tenth of an
H200's bfloat16 peak, 12 minutes on eight joined by NVLink (--topology data), by
experiments/scaling.py; 34 days on two CPU cores at the 43 images/s of README. Input must keep up.
"""

from alexnet_jax import TrainConfig

EPOCH = 1_281_167 / 8192  # updates

CONFIG = TrainConfig(
    name="imagenet_large_batch",
    data="imagenet2012",
    preset="caffe_alexnet",
    steps=round(100 * EPOCH),
    batch=8192,
    accumulate=16,
    learning_rate=10.0,
    trust=0.001,
    bias_learning_rate=0.01,
    schedule="quadratic",
    warmup_epochs=600 / EPOCH,
    colour_noise=0.0,
    log_every=10,
    evaluate_every=round(EPOCH),
    checkpoint_every=round(EPOCH),
)
