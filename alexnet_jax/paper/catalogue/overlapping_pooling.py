"""Pooling windows that overlap against windows that do not."""

from alexnet_jax.paper.claims import PLAIN, Claim, Variant

CLAIM = Claim(
    name="overlapping_pooling",
    says="pooling over 3x3 every 2 has a lower error than over 2x2 every 2",
    paper="by .4 / .3 points (top-1 / top-5)",
    source="paper, section 3.4; net 147 against 145 in the logs: .394 / .300, ten views",
    ours=PLAIN,
    other=Variant(
        "pool_apart",
        {f"layers.{name}.size": "2" for name in ("pool1", "pool2", "pool5")},
        # The padding of net 147, which keeps the sizes of the maps.
        full={"layers.conv2.padding": "1", "layers.conv5.padding": "0"},
    ),
    expected=0.4,
)
