"""Initial values of the 2012 source against those that the paper prints."""

from alexnet_jax.paper.claims import Claim, Variant
from alexnet_jax.paper.scales import narrow_stds

PRINTED = dict.fromkeys(("conv3", "conv4", "conv5"), 0.01)

CLAIM = Claim(
    name="initial_values",
    says="the source's .03 in conv3 to conv5 begins to learn earlier than the printed .01",
    paper="the paper prints .01 for every layer, the source has .03; never compared",
    source="paper, section 5; layers-145.cfg of the 2012 source",
    ours=Variant("plain", measure="start"),
    other=Variant(
        "init_printed",
        cifar={f"layers.{name}.std": f"{std}" for name, std in narrow_stds(PRINTED).items()}
        | {"steps": "3125"},
        full={f"layers.{name}.std": f"{std}" for name, std in PRINTED.items()},
        measure="start",
    ),
    expected=None,
    ratio=True,
    note=".06 and .02, which spread a unit's sum over its narrower input as .03 and .01 do there",
)
