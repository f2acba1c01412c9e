"""Normalization within each tower, as in the 2012 source, against across both towers."""

from alexnet_jax.paper.claims import Claim, Variant

CLAIM = Claim(
    name="lrn_towers",
    says="normalizing within each tower gives the same error as normalizing over all maps",
    paper="the source normalizes within a tower, the paper does not say; never compared",
    source="layers-145.cfg of the 2012 source",
    # The plain network normalizes within a tower at the full scale, across both elsewhere.
    ours=Variant(
        "lrn_within",
        cifar={"layers.lrn1.within_tower": "true", "layers.lrn2.within_tower": "true"},
    ),
    other=Variant(
        "lrn_across",
        full={"layers.lrn1.within_tower": "false", "layers.lrn2.within_tower": "false"},
    ),
    expected=None,
    same=True,
)
