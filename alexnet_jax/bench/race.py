"""Comparison with peers: heats select the peer's best variants, which then alternate with ours.

Every side is a process of its own. In one process the libraries would disturb each other: after a
call, OpenMP's threads keep spinning on the cores that XLA needs next, the allocators share freed
memory, and peaks of memory could not be attributed. The processes take turns, one running while the
others wait, so that all of them see the same load of the machine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from alexnet_jax.bench.process import CannotRun, Process, process_environment
from alexnet_jax.bench.times import Timed, Times, interleaved, steps_of_sample
from alexnet_jax.bench.work import About, Mode, Variant, Work
from alexnet_jax.errors import InputError

_HEAT = 3  # rounds, enough to distinguish variants that differ by a tenth
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """Work of this package and the peer's variants that it is compared with.

    Attributes:
      ours: work of this package; `race` sets its mode.
      groups: the peer's variants by group; the best variant of each group takes part.
      rounds: number of interleaved repetitions.
      allocator: a name in `process.ALLOCATORS`.
    """

    ours: Work
    groups: Mapping[str, tuple[Variant, ...]]
    rounds: int
    allocator: str = "default"


@dataclass(frozen=True)
class Entrant:
    """Side of the comparison: its description, its times, and its peak memory in bytes."""

    name: str
    about: About
    times: Times
    peak_bytes: int | None


@dataclass(frozen=True)
class Outcome:
    """Results of one mode.

    Attributes:
      mode: "infer" or "train".
      ours: this package.
      peers: the best variant of each group.
      heats: times of the variants in the heats, by name.
      failed: reasons why variants could not run, by name.
      products_per_second: operations/s of a matrix product in the same rounds, of the fastest side.
    """

    mode: Mode
    ours: Entrant
    peers: dict[str, Entrant]
    heats: dict[str, Times]
    failed: dict[str, str]
    products_per_second: float

    @property
    def best(self) -> Entrant | None:
        """Return the fastest peer, or None without a peer."""
        return min(self.peers.values(), key=lambda peer: peer.times.median, default=None)


def torch_variants(compiled: bool, platform: str = "cpu") -> dict[str, tuple[Variant, ...]]:
    """Return the variants of PyTorch's network for the heats, by group."""
    forms = tuple(
        Variant(layout, lrn)
        for layout in ("default", "channels_last")
        for lrn in ("library", "sums")
    )
    groups = {"eager": forms}
    if compiled:
        # "reduce-overhead" uses CUDA graphs.
        modes = ("default",) if platform == "cpu" else ("default", "reduce-overhead")
        groups["compile"] = tuple(replace(form, compiled=mode) for mode in modes for form in forms)
    return groups


def race(plan: Plan, mode: Mode, say: Say) -> Outcome:
    """Compile all sides, select the peer's best variants and time them together with ours.

    Args:
      say: called with a message at the start of each part.

    Raises:
      InputError: work that is not possible here; no variant of the peer runs.
    """
    environ = process_environment(plan.allocator)
    heats: dict[str, Times] = {}
    failed: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        say(f"{mode}, batch {plan.ours.batch}: compiling ours")
        ours = stack.enter_context(Process(replace(plan.ours, mode=mode), environ))
        peers: dict[str, Process] = {}
        for group, variants in plan.groups.items():
            works = [
                replace(
                    plan.ours,
                    side="torch",
                    mode=mode,
                    variant=variant,
                    platform=ours.about.platform,
                )
                for variant in variants
            ]
            best = _best(works, environ, heats, failed, say)
            if best is not None:
                peers[group] = stack.enter_context(best)
        if plan.groups and not peers:
            raise InputError(f"no variant of the peer runs here: {next(iter(failed.values()))}")
        say(f"{mode}, batch {plan.ours.batch}: {plan.rounds} rounds")
        return _timed(mode, ours, peers, plan.rounds, heats, failed)


def _timed(
    mode: Mode,
    ours: Process,
    peers: dict[str, Process],
    rounds: int,
    heats: dict[str, Times],
    failed: dict[str, str],
) -> Outcome:
    """Time the steps and the matrix products of all sides in the same rounds."""
    sides = {"ours": ours, **peers}
    timed: dict[str, Timed] = {**sides}
    timed |= {f"product of {name}": _Product(side) for name, side in sides.items()}
    steps = {name: steps_of_sample(side.about.step_seconds) for name, side in sides.items()}
    times = interleaved(timed, steps | dict.fromkeys(timed.keys() - sides.keys(), 1), rounds)
    entrants = {
        name: Entrant(side.work.name, side.about, times[name], side.ask("peak"))
        for name, side in sides.items()
    }
    product = max(1 / times[f"product of {name}"].median for name in sides)
    return Outcome(mode, entrants.pop("ours"), entrants, heats, failed, product)


class _Product:
    """Matrix product of a side, timed like a step: s for one operation."""

    def __init__(self, side: Process) -> None:
        self._side = side

    def seconds(self, steps: int) -> float:
        return 1 / float(self._side.ask("product"))


def _best(
    works: list[Work],
    environ: Mapping[str, str],
    heats: dict[str, Times],
    failed: dict[str, str],
    say: Say,
) -> Process | None:
    """Return the running process of the fastest variant, or None if none works.

    Each new variant is compared with the best so far, so that at most two use memory.
    """
    best: Process | None = None
    try:
        for number, work in enumerate(works):
            say(f"{work.mode}, batch {work.batch}: trying {work.name} ({number + 1}/{len(works)})")
            try:
                new = Process(work, environ)
            except CannotRun as error:
                failed[work.name] = str(error)
                continue
            best = _faster(best, new, heats)
    except BaseException:
        if best is not None:
            best.close()
        raise
    return best


def _faster(best: Process | None, new: Process, heats: dict[str, Times]) -> Process:
    """Return the faster of two processes and end the other."""
    if best is None:
        return new
    sides = {best.work.name: best, new.work.name: new}
    try:
        steps = {name: steps_of_sample(side.about.step_seconds) for name, side in sides.items()}
        times = interleaved(sides, steps, _HEAT)
    except BaseException:
        new.close()
        raise
    heats |= times
    if times[new.work.name].median < times[best.work.name].median:
        best, new = new, best
    new.close()
    return best
