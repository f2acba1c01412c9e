"""Two towers, on two GPUs in 2012, against one tower with half the kernels."""

from alexnet_jax.paper.claims import PLAIN, Claim, Variant

CIFAR = {"conv1": 16, "conv2": 32, "conv3": 48, "conv4": 48}
FULL = {"conv1": 48, "conv2": 128, "conv3": 192, "conv4": 192}


def _half(maps: dict[str, int]) -> dict[str, str]:
    """Return the settings of one tower's kernels, each reading all maps; conv5 keeps its number."""
    return {f"layers.{name}.maps": str(count) for name, count in maps.items()} | {
        f"layers.{name}.groups": "1" for name in ("conv2", "conv4", "conv5")
    }


CLAIM = Claim(
    name="two_towers",
    says="two towers have a lower error than one with half the kernels in each layer",
    paper="by 1.7 / 1.2 points (top-1 / top-5), ILSVRC-2010",
    source="paper, section 3.2; net 145-half against 145 in the logs: 1.695 / 1.230, ten views",
    ours=PLAIN,
    other=Variant("one_tower", cifar=_half(CIFAR), full=_half(FULL)),
    expected=1.7,
)
