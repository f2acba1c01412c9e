"""Rectified linear units against tanh: the paper's figure 1."""

from alexnet_jax.paper.claims import Claim, Variant

NO_DROPOUT = {"layers.dropout6.keep": "1.0", "layers.dropout7.keep": "1.0"}
TANH = {f"layers.{name}.activation": "tanh" for name in ("conv2", "conv3", "conv4", "fc6", "fc7")}

CLAIM = Claim(
    name="relu",
    says="rectified linear units reach 25 % training error in fewer updates than tanh units",
    paper="six times fewer, four convolutional layers on CIFAR-10, no regularization",
    source="paper, section 3.1, figure 1",
    ours=Variant("no_dropout", NO_DROPOUT, measure="updates"),
    other=Variant(
        "tanh",
        NO_DROPOUT | TANH,
        small={"layers.conv1.activation": "tanh", "layers.conv5.activation": "tanh"},
        # In net 145, conv1 and conv5 are linear, and the rectifiers follow their pooling layers.
        full={"layers.pool1.activation": "tanh", "layers.pool5.activation": "tanh"},
        measure="updates",
    ),
    expected=6,
    ratio=True,
    note="both at the same learning rate, where the paper chose one for each",
)
