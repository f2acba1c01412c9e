"""Towers that exchange maps before conv3 against separate towers.

python experiments/paper/crossings.py
"""

from alexnet_jax.cli.claims import main
from alexnet_jax.paper import PLAIN, Claim, Variant

CLAIM = Claim(
    name="crossings",
    says="towers that read each other's maps in conv3 have a lower error",
    paper="by 1.16 / 1.12 points (top-1 / top-5); there the dense layers were cut, too",
    source="layer-params-150.cfg against -145.cfg of the 2012 source, ten views",
    ours=PLAIN,
    other=Variant("no_crossing", {"layers.conv3.groups": "2"}),
    expected=1.16,
)

if __name__ == "__main__":
    main(CLAIM)
