"""Initial values of the paper against those of the 2012 source."""

from alexnet_jax.paper.claims import Claim, Variant

PRINTED = {f"layers.{name}.std": "0.01" for name in ("conv1", "conv2", "conv3", "conv4", "conv5")}
NARROW = PRINTED | {f"layers.{name}.std": "0.01" for name in ("fc6", "fc7", "fc8")}
SOURCE = {f"layers.{name}.std": "0.03" for name in ("conv3", "conv4", "conv5")}

CLAIM = Claim(
    name="initial_values",
    says="the source's .03 in conv3 to conv5 begins to learn earlier than the printed .01",
    paper="the paper prints .01 for every layer, the source has .03; never compared",
    source="paper, section 5; layers-145.cfg of the 2012 source",
    ours=Variant("init_source", small=NARROW | SOURCE),
    other=Variant("init_printed", small=NARROW, full=PRINTED),
    expected=None,
    note="layers so narrow are all but blind to their input with either",
)
