"""Several networks together against each alone."""

from alexnet_jax.paper.claims import PLAIN, Claim, Variant

CLAIM = Claim(
    name="ensemble",
    says="averaging the outputs of several networks lowers the error",
    paper="by 2.6 / 1.8 points for five (40.7 / 18.2 to 38.1 / 16.4 %, ILSVRC-2012 validation)",
    source="paper, section 6, table 2",
    ours=Variant("plain", measure="ensemble"),
    other=PLAIN,
    expected=2.6,
    note="the networks of the first five seeds; all differences are to the same ensemble",
)
