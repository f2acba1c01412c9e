"""A learning rate that drops against a constant one.

python experiments/paper/learning_rate_drops.py
"""

from alexnet_jax.cli.claims import main
from alexnet_jax.paper import PLAIN, Claim, Variant

CLAIM = Claim(
    name="learning_rate_drops",
    says="dividing the learning rate by 10 when the error stops falling lowers it further",
    paper="three times in 90 epochs; no number",
    source="paper, section 5",
    ours=PLAIN,
    other=Variant("constant_rate", {"schedule": "constant", "drop_epochs": ""}),
    expected=None,
    note="one drop, near the end",
)

if __name__ == "__main__":
    main(CLAIM)
