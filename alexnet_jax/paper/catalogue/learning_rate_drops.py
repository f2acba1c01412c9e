"""A learning rate that drops against a constant one."""

from alexnet_jax.paper.claims import PLAIN, Claim, Variant

CLAIM = Claim(
    name="learning_rate_drops",
    says="dividing the learning rate by 10 when the error stops falling lowers it further",
    paper="three times in 90 epochs; no number",
    source="paper, section 5",
    ours=PLAIN,
    other=Variant("constant_rate", {"schedule": "constant", "drop_epochs": ""}),
    expected=None,
    note="two drops at fixed epochs, 15 and 18 of 20",
)
