"""Random crops and mirror images against one fixed view: overfitting."""

from alexnet_jax.paper.claims import Claim, Variant

CLAIM = Claim(
    name="augmentation",
    says="without random crops and mirrors the network overfits",
    paper="substantial overfitting; no number",
    source="paper, section 4.1",
    ours=Variant("plain", measure="gap"),
    other=Variant("one_view", {"random_crop": "false", "mirror": "false"}, measure="gap"),
    expected=None,
    note="25 crops of an image and their mirrors, where the paper has 1024",
)
