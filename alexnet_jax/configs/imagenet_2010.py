"""ImageNet 2010, as in the paper's table 1: net 145, trained and tested on the earlier data set.

    alexnet-jax prepare folder --images DIR --name imagenet2010 --data-dir data
    alexnet-jax prepare pack imagenet2010 --data-dir data
    alexnet-jax train imagenet_2010 --data-dir data
    alexnet-jax evaluate runs/imagenet_2010 --views 10

Expected: 37.473 / 16.999 % error (top-1 / top-5) with ten views and 39.025 / 18.295 % with the
centre crop, as logged in layer-params-145-2010.cfg; the paper has 37.5 / 17.0 and 39.0 / 18.3. Not
run to the end here.

Only the data differ from 2012: 1,000 other classes, 1,261,406 training images, and a test set whose
150,000 labels are public (Russakovsky et al. 2015, table 2). The test split is therefore this test
set, and not the validation images as for 2012. The mean image and the colour statistics are
computed from this data set. DIR has train/CLASS/*.JPEG and test/CLASS/*.JPEG. The rate is divided
by 10 after 23, 51 and 78 of 93 epochs, as logged, and not by the error on the test images.

Estimates, not measured: 1.6 hours on one GPU that does 1e14 counted operations/s, a tenth of an
H200's bfloat16 peak, and 39 minutes on eight joined by NVLink (--topology data), both by
alexnet-jax scaling; 35 days on two CPU cores at the 39 images/s of docs/performance.md. They
assume that the input keeps up.
"""

from alexnet_jax import TrainConfig

EPOCH = 1_261_406 / 128  # updates

CONFIG = TrainConfig(
    name="imagenet_2010",
    data="imagenet2010",
    preset="source2012",
    steps=round(93 * EPOCH),
    batch=128,
    learning_rate=0.01,
    schedule="epochs",
    drop_epochs=(23.0, 51.0, 78.0),
    log_every=100,
    evaluate_every=round(EPOCH),
    checkpoint_every=2000,
)
