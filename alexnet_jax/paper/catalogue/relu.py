"""Rectified linear units against tanh: the paper's figure 1.

`alexnet-jax cifar10 --only relu,tanh` repeats the figure itself, with its own networks.
"""

from alexnet_jax.paper.claims import Claim, Variant
from alexnet_jax.paper.scales import FAN_INS, ONES

FREE = {  # no regularization of any kind, as in the figure
    "layers.dropout6.keep": "1.0",
    "layers.dropout7.keep": "1.0",
    "weight_decay": "0",
    "random_crop": "false",
    "mirror": "false",
    "colour_noise": "0",
}
TANH = {f"layers.{name}.activation": "tanh" for name in ("conv2", "conv3", "conv4", "fc6", "fc7")}

# The paper's inputs of up to 255 and biases of 1 would saturate tanh: both units begin with the
# standard deviation sqrt(2 / fan-in), biases of 0 and inputs of about -2 to 2.
ALIKE = {
    "pixel_scale": "0.015625",
    **{
        f"layers.{name}.std": f"{(2 / here) ** 0.5:.4g}"
        for name, (_, here) in FAN_INS.items()
        if name != "conv6"
    },
    **{f"layers.{name}.bias": "0.0" for name in ONES},
}
TEN_EPOCHS = {"schedule": "constant", "drop_epochs": "", "steps": "7812"}
# Each unit has the rate with the lowest training loss from the first seed, averaged over the lines
# of updates 810 to 1,000:
#   ReLU: 1.320 at .0025, 1.270 at .005, 1.273 at .01, 1.288 at .02
#   tanh: 1.192 at .005, 1.178 at .01, 1.242 at .02
RELU_RATE, TANH_RATE = "0.005", "0.01"

CLAIM = Claim(
    name="relu",
    says="rectified linear units reach 25 % training error in fewer updates than tanh units",
    paper="six times fewer, four convolutional layers on CIFAR-10, no regularization",
    source="paper, section 3.1, figure 1",
    ours=Variant(
        "relu",
        FREE,
        cifar=ALIKE | TEN_EPOCHS | {"learning_rate": RELU_RATE},
        measure="updates",
    ),
    other=Variant(
        "tanh",
        FREE | TANH,
        cifar=ALIKE
        | TEN_EPOCHS
        | {"layers.conv1.activation": "tanh", "layers.conv5.activation": "tanh"}
        | {"learning_rate": TANH_RATE},
        # In net 145, conv1 and conv5 are linear, and the rectifiers follow their pooling layers.
        full={"layers.pool1.activation": "tanh", "layers.pool5.activation": "tanh"},
        measure="updates",
    ),
    expected=6,
    ratio=True,
    note="five convolutions with normalization, each unit with its own learning rate",
)
