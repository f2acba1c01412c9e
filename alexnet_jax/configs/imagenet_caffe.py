"""ImageNet 2012 as Caffe's bvlc_alexnet was trained: solver.prototxt and train_val.prototxt.

    alexnet-jax prepare imagenet --archives DIR --data-dir data
    alexnet-jax prepare pack imagenet2012 --data-dir data
    alexnet-jax train imagenet_caffe --data-dir data
    alexnet-jax evaluate runs/imagenet_caffe

Expected: 57.1 / 80.2 % accuracy (top-1 / top-5) with the centre crop, according to its readme.md
at iteration 360,000. Not run to the end here.

It has 450,000 updates of 256 images, a rate divided by 10 every 100,000 updates, and no colour
noise. There are two differences. Caffe resized whole pictures to 256x256; here the short side is
resized to 256 and the centre square kept. Caffe subtracted the part of the mean image at the crop's
position; here it is always the centre of the mean image.

Estimates, not measured: 1.4 hours on one GPU that does 1e14 counted operations/s, a tenth of an
H200's bfloat16 peak, and 24 minutes on eight joined by NVLink (--topology data), both by
alexnet-jax scaling; 31 days on two CPU cores at the 43 images/s of docs/performance.md. They
assume that the input keeps up.
"""

from alexnet_jax import TrainConfig

EPOCH = 1_281_167 / 256  # updates

CONFIG = TrainConfig(
    name="imagenet_caffe",
    data="imagenet2012",
    preset="caffe_alexnet",
    steps=450_000,
    batch=256,
    learning_rate=0.01,
    schedule="epochs",
    drop_epochs=tuple(updates / EPOCH for updates in (100_000, 200_000, 300_000, 400_000)),
    colour_noise=0.0,
    log_every=100,
    evaluate_every=5000,
    checkpoint_every=2500,
)
