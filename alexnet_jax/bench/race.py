"""Ours beside its peers: heats choose the peer's best variant, and the best take turns with ours.

Every side is a process of its own. In one process the libraries would disturb each other: OpenMP's
threads keep spinning after a call on the cores that XLA's then need, the allocator of one reuses
what the other left, and a peak of memory could not be told apart. Processes that take turns, one
running while the others wait to be asked, meet the same machine at the same time all the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from alexnet_jax.bench.process import CannotRun, Process, environment
from alexnet_jax.bench.times import Timed, Times, interleaved, steps_of_sample
from alexnet_jax.bench.work import About, Mode, Variant, Work
from alexnet_jax.errors import InputError

_HEAT = 3  # rounds; enough to tell variants apart that differ by a tenth
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is compared with what.

    Attributes:
      ours: the work, of either mode.
      groups: of the peer's variants; the best of each takes part.
      rounds: interleaved repetitions.
      allocator: a name of `process.ALLOCATORS`.
    """

    ours: Work
    groups: Mapping[str, tuple[Variant, ...]]
    rounds: int
    allocator: str = "default"


@dataclass(frozen=True)
class Entrant:
    """A side that took part: what it is, its times, and the most memory it held."""

    name: str
    about: About
    times: Times
    peak_bytes: int | None


@dataclass(frozen=True)
class Outcome:
    """What came out, for one mode.

    Attributes:
      peers: the best variant of each group.
      heats: times of the variants that were tried, by name.
      failed: why a variant could not run, by name.
      products_per_second: operations/s of a matrix product, in the same rounds, of the faster side.
    """

    mode: Mode
    ours: Entrant
    peers: dict[str, Entrant]
    heats: dict[str, Times]
    failed: dict[str, str]
    products_per_second: float

    @property
    def best(self) -> Entrant | None:
        """The fastest peer."""
        return min(self.peers.values(), key=lambda peer: peer.times.median, default=None)


def torch_variants(compiled: bool, platform: str = "cpu") -> dict[str, tuple[Variant, ...]]:
    """The variants of PyTorch's network that are tried, by group."""
    forms = tuple(
        Variant(layout, lrn)
        for layout in ("default", "channels_last")
        for lrn in ("library", "sums")
    )
    groups = {"eager": forms}
    if compiled:
        # "reduce-overhead" is CUDA's graphs.
        modes = ("default",) if platform == "cpu" else ("default", "reduce-overhead")
        groups["compile"] = tuple(replace(form, compiled=mode) for mode in modes for form in forms)
    return groups


def race(plan: Plan, mode: Mode, say: Say) -> Outcome:
    """Compiles all sides, chooses the peer's best variants and times them with ours.

    Raises:
      InputError: what was asked cannot be done here; no variant of the peer runs.
    """
    environ = environment(plan.allocator)
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
    """A side's matrix product, timed like the rest: s of one operation."""

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
    """The fastest of some variants, its process still running; each new one meets the best so far,
    so that no more than two hold memory."""
    best: Process | None = None
    try:
        for number, work in enumerate(works):
            say(f"{work.mode}, batch {work.batch}: trying {work.name} ({number + 1}/{len(works)})")
            try:
                new = Process(work, environ)
            except CannotRun as why:
                failed[work.name] = str(why)
                continue
            best = _faster(best, new, heats)
    except BaseException:
        if best is not None:
            best.close()
        raise
    return best


def _faster(best: Process | None, new: Process, heats: dict[str, Times]) -> Process:
    """The faster of two, the other one ended."""
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
