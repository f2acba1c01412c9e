"""ImageNet 2012 in batches of 8,192: Caffe's AlexNet by LARS (You, Gitman, Ginsburg 2017).

    alexnet-jax prepare imagenet --archives DIR --data-dir data
    alexnet-jax prepare pack imagenet2012 --data-dir data
    alexnet-jax train imagenet_large_batch --data-dir data
    alexnet-jax evaluate runs/imagenet_large_batch

Expected: about 58 % top-1 with the centre crop; arXiv 1708.03888 reports AlexNet at 8K "without
loss in accuracy". Not run to the end here.

The rate rises to 10 in 600 updates and then falls with the square of the remaining updates of 100
epochs; trust is .001, and a weight decay of .0005 is inside the ratio. These are the values of the
8K solver in the authors' fork of Caffe (borisgin/nvcaffe, models/alexnet_bn), here with local
response normalization. The rule for biases is our choice: some start from 0 and would take the full
rate, so they follow plain momentum without decay, at a rate of up to .02 (twice
`bias_learning_rate`, since Caffe doubles the rate of biases).

A batch takes 1.6 GB, and up to five are in memory, on the host and on the devices. Each is computed
in 16 parts; on eight GPUs, use --topology data --set accumulate=2.

Estimates, not measured: 1.5 hours on one GPU that does 1e14 counted operations/s, a tenth of an
H200's bfloat16 peak, and 12 minutes on eight joined by NVLink (--topology data), both by
alexnet-jax scaling; 34 days on two CPU cores at the 43 images/s of docs/performance.md. They
assume that the input keeps up.
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
