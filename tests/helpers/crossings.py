"""Crossings of a training step counted by hand, of `small` and of the paper's network."""

from collections import Counter

BATCH = 16
KINDS = {"forward": "all-gather", "backward": "reduce-scatter"}

# `small`: values that each tower sends for an image. lrn1 sees 24 x 24 maps and lrn2 11 x 11, of
# which two go over; conv3 reads 64 maps of 5 x 5, fc6 64 of 2 x 2, fc7 and fc8 256 units.
HALOS = {"lrn1": 24 * 24 * 2, "lrn2": 11 * 11 * 2}
READ = {"conv3": 5 * 5 * 32, "fc6": 2 * 2 * 32, "fc7": 128, "fc8": 128}
# Kernels and biases of whole layers.
PARAMETERS = {
    "conv1": (5 * 5 * 1 * 32, 32),
    "conv2": (5 * 5 * 16 * 64, 64),
    "conv3": (3 * 3 * 64 * 96, 96),
    "conv4": (3 * 3 * 48 * 96, 96),
    "conv5": (3 * 3 * 48 * 64, 64),
    "fc6": (256 * 256, 256),
    "fc7": (256 * 256, 256),
    "fc8": (256 * 10, 10),
}
Row = tuple[str, str, str, float, float]  # layer, direction, kind, values an image, bytes a step


def by_hand(devices: int, values: dict[str, float], kinds: dict[str, str]) -> Counter[Row]:
    """Layers whose `devices` each send so many values an image, both ways."""
    return Counter(
        (layer, direction, kind, sent, sent * devices * BATCH * 4)
        for layer, sent in values.items()
        for direction, kind in kinds.items()
    )


def towers_by_hand(halos: dict[str, int], read: dict[str, int], logits: int) -> Counter[Row]:
    one_way = by_hand(1, halos, dict.fromkeys(KINDS, "collective-permute"))
    return (
        one_way
        + one_way  # from tower 0 to 1 and back
        + by_hand(2, read, KINDS)
        + by_hand(2, {"logits": logits}, {"forward": "all-gather"})
    )


def gradients_by_hand(layers: list[str], members: int) -> Counter[Row]:
    """All-reduces of kernels and biases over groups of `members`; the groups hold all of them."""
    each = 2 * (members - 1) / members
    return Counter(
        (layer, "gradient", "all-reduce", each * size / BATCH, each * size * members * 4)
        for layer in layers
        for size in PARAMETERS[layer]
    )


def metrics_by_hand(groups: int, members: int) -> Counter[Row]:
    """Loss, top1 and top5: a number each."""
    each = 2 * (members - 1) / members * groups
    row = ("metrics", "forward", "all-reduce", round(each / BATCH, 6), each * members * 4)
    return Counter({row: 3})


# The paper's network by hand: what each tower sends for an image.
PAPER_READ = {"conv3": 13 * 13 * 128, "fc6": 6 * 6 * 128, "fc7": 2048, "fc8": 2048}
PAPER_HALOS = {"lrn1": 55 * 55 * 2, "lrn2": 27 * 27 * 2}
PAPER_BACKWARD = sum(PAPER_READ.values()) + sum(PAPER_HALOS.values())
