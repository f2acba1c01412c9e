"""Dropout against no dropout: overfitting."""

from alexnet_jax.paper.claims import Claim, Variant

OFF = {"layers.dropout6.keep": "1.0", "layers.dropout7.keep": "1.0"}

CLAIM = Claim(
    name="dropout",
    says="without dropout the network overfits",
    paper="substantial overfitting; no number",
    source="paper, section 4.2",
    ours=Variant("plain", measure="gap"),
    other=Variant("no_dropout", OFF, measure="gap"),
    expected=None,
    note="the gap is test loss minus training loss, both in test mode",
)
