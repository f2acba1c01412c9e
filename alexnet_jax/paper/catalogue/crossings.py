"""Towers that exchange maps before conv3 against separate towers."""

from alexnet_jax.paper.claims import PLAIN, Claim, Variant

CLAIM = Claim(
    name="crossings",
    says="towers that read each other's maps in conv3 have a lower error",
    paper="by 1.16 / 1.12 points (top-1 / top-5); there the dense layers were cut, too",
    source="layer-params-150.cfg against -145.cfg of the 2012 source, ten views",
    ours=PLAIN,
    other=Variant("no_crossing", {"layers.conv3.groups": "2"}),
    expected=1.16,
)
