"""Noise along the principal colours against no noise."""

from alexnet_jax.paper.claims import PLAIN, Claim, Variant

CLAIM = Claim(
    name="colour_noise",
    says="noise along the principal colours lowers the error",
    paper="by over 1 point (top-1)",
    source="paper, section 4.1",
    ours=PLAIN,
    other=Variant("no_colour_noise", {"colour_noise": "0.0"}),
    expected=1,
)
