"""ImageNet 2012 as Caffe's bvlc_alexnet was trained: solver.prototxt and train_val.prototxt.

    python experiments/prepare.py imagenet --archives DIR --data-dir data
    python experiments/prepare.py pack imagenet2012 --data-dir data
    python experiments/train.py imagenet_caffe --data-dir data
    python experiments/evaluate.py runs/imagenet_caffe

To expect: 57.1 / 80.2 % accuracy (top-1 / top-5) with the centre crop, its readme.md at iteration
360,000. Not run to the end here.

450,000 updates of 256 images, the rate tenfold less every 100,000, no colour noise. Caffe squeezed
whole pictures into 256x256; here the short side becomes 256 and the centre square is kept. The
mean image subtracted is its centre, wherever the crop lies; Caffe subtracted the mean at the crop.

Estimates, not measured: 1.4 hours on one GPU that does 1e14 counted operations/s, a tenth of an
H200's bfloat16 peak, 24 minutes on eight joined by NVLink (--topology data), by
experiments/scaling.py; 31 days on two CPU cores at the 43 images/s of README. Input must keep up.
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
