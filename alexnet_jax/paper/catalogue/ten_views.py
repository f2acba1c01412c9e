"""Ten views of an image against its centre crop."""

from alexnet_jax.paper.claims import PLAIN, Claim, Variant

CLAIM = Claim(
    name="ten_views",
    says="averaging the outputs for ten views lowers the error",
    paper="by 1.5 / 1.3 points (39.0 / 18.3 to 37.5 / 17.0 %, ILSVRC-2010); 1.9 / 1.45 typically",
    source="paper, section 4.1; layer-params-145-2010.cfg and others of the 2012 source",
    ours=Variant("plain", measure="ten_views"),
    other=PLAIN,
    expected=1.5,
)
