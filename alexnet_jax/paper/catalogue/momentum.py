"""Learning rate inside the velocity, as in 2012, against outside, as in PyTorch."""

from alexnet_jax.paper.claims import PLAIN, Claim, Variant

CLAIM = Claim(
    name="momentum",
    says="whether the rate is inside the velocity makes no difference to the error after a drop",
    paper="the paper has it inside, where old velocities keep the old rate; never compared",
    source="paper, section 5; weights.cu of the 2012 source",
    ours=PLAIN,
    other=Variant("rate_outside", {"rate_inside": "false"}),
    expected=None,
    same=True,
    note="the two are the same until the first drop, at three quarters of the run",
)
