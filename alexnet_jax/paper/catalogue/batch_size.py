"""Twice the batch and twice the learning rate against the paper's."""

from alexnet_jax.paper.claims import PLAIN, Claim, Variant

CLAIM = Claim(
    name="batch_size",
    says="a batch twice as large with twice the learning rate gives the same error",
    paper="42.341 / 19.583 % at 128, 42.273 / 19.660 % at 256, one view",
    source="layer-params-170.cfg and -170-256-double.cfg of the 2012 source",
    ours=PLAIN,
    other=Variant(
        "double_batch",
        cifar={"batch": "128", "learning_rate": "0.02", "steps": "7812"},
        full={"batch": "256", "learning_rate": "0.02", "steps": "455415"},
    ),
    expected=-0.07,
    same=True,
    note="64 and 128 images",
)
