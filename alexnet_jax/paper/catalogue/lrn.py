"""Local response normalization against none."""

from alexnet_jax.paper.claims import PLAIN, Claim, Variant

# With alpha = 0 and k = 1 the denominator is 1, so the layer is the identity.
OFF = {
    f"layers.{name}.{field}": value
    for name in ("lrn1", "lrn2")
    for field, value in (("k", "1.0"), ("alpha", "0.0"))
}

CLAIM = Claim(
    name="lrn",
    says="local response normalization lowers the error",
    paper="by 1.4 / 1.2 points (top-1 / top-5)",
    source="paper, section 3.3; net 148 against 145 in the logs: 1.370 / 1.152, ten views",
    ours=PLAIN,
    # Net 148 has no normalization at all.
    other=Variant("no_lrn", OFF, full={"layers.mapnorm2.alpha": "0.0"}),
    expected=1.4,
)
