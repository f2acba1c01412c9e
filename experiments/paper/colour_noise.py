"""Noise along the principal colours against no noise.

python experiments/paper/colour_noise.py
"""

from alexnet_jax.cli.claims import main
from alexnet_jax.paper import PLAIN, Claim, Variant

CLAIM = Claim(
    name="colour_noise",
    says="noise along the principal colours lowers the error",
    paper="by over 1 point (top-1)",
    source="paper, section 4.1",
    ours=PLAIN,
    other=Variant("no_colour_noise", {"colour_noise": "0.0"}),
    expected=1,
)

if __name__ == "__main__":
    main(CLAIM)
