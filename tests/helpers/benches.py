"""Made-up results of the benchmark, and a network small enough to time at once."""

from alexnet_jax.bench.race import Entrant, Outcome, Plan, torch_variants
from alexnet_jax.bench.times import Times
from alexnet_jax.bench.work import About, Mode, Work
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import LRN, Conv, Dense, Dropout, MaxPool
from alexnet_jax.network.presets import architecture

# Little to compile, and a layer of every common kind.
TINY = Architecture(
    name="tiny",
    image_size=8,
    channels=1,
    classes=4,
    layers=(
        Conv("conv1", 4, kernel=3),
        LRN("lrn1"),
        MaxPool("pool1"),
        Dense("fc2", 4),
        Dropout("dropout2"),
        Dense("fc3", 4, activation="linear"),
    ),
    towers=1,
)
TRAIN = Work("ours", "train", TINY, 4)


def about(library: str, compiled: float = 0.0, program: int | None = None) -> About:
    return About("a CPU", "cpu", 1, library, compiled, program, 0.1)


def entrant(name: str, library: str, *samples: float) -> Entrant:
    return Entrant(name, about(library, 2.5, 3_000_000), Times(samples), 500_000_000)


def outcome(mode: Mode, scale: float = 1.0, peers: bool = True) -> Outcome:
    """Ours takes 2 s (times `scale`), eager 3, compiled 2.5: ratios of 1.5 and 1.25."""
    ours = entrant("ours", "jax 0", *(scale * s for s in (1.0, 2.0, 4.0)))
    found = {
        "eager": entrant("torch eager, default", "torch 0", *(scale * s for s in (2.0, 3.0, 9.0))),
        "compile": entrant("torch compile", "torch 0", *(scale * s for s in (2.5, 2.5, 8.0))),
    }
    return Outcome(
        mode,
        ours,
        found if peers else {},
        {"torch eager, default": Times((3.5,)), "torch eager, last": Times((4.5,))},
        {"torch compile, last": "BackendError: no compiler"},
        1e11,
    )


def plan(batch: int = 8, compiled: bool = True) -> Plan:
    work = Work("ours", "train", architecture("paper"), batch)
    return Plan(work, torch_variants(compiled), 3, "huge_pages")
