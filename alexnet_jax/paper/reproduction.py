"""The reproduction of the paper's table 2 as steps: commands that are recognised once done."""

from __future__ import annotations

import dataclasses
import json
import shlex
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexnet_jax.data import DESCRIPTION, VERSION
from alexnet_jax.data.prepare import PACKED
from alexnet_jax.errors import InputError
from alexnet_jax.paper.claims import FULL
from alexnet_jax.paper.runs import finished
from alexnet_jax.runs import TrainConfig, changed, read_settings

CONFIG, DATA = "imagenet_source2012", "imagenet2012"
VIEWS = 10
Execute = Callable[[str, Sequence[str]], int]


@dataclass(frozen=True)
class Reproduction:
    """What is reproduced, and where.

    Attributes:
      archives: directory of ImageNet's two archives.
      data_dir: gets the prepared data.
      workdir: gets a run for each network, and what was measured of them.
      networks: how many, from seeds 0, 1, ...
      changes: of the config, as text by name, as `train.py --set` takes them.
      preparing: further options of `prepare.py imagenet`.
      workers: of `prepare.py`; "" for its own choice.

    Raises:
      InputError: no network at all; changes that name nothing, or of what the plan itself sets.
    """

    archives: Path
    data_dir: Path
    workdir: Path
    networks: int = 5
    changes: dict[str, str] = dataclasses.field(default_factory=dict)
    preparing: tuple[str, ...] = ()
    workers: str = ""

    def __post_init__(self) -> None:
        if self.networks < 1:
            raise InputError(f"--networks must be at least 1, got {self.networks}")
        for name in ("data", "data_dir", "seed"):
            if name in self.changes:
                raise InputError(f"--set {name}: the plan sets that itself")
        self.config(0)

    def config(self, seed: int) -> TrainConfig:
        """The run of a network, as `train.py` makes it of the command in its step."""
        base = dataclasses.replace(FULL, name=CONFIG)
        own = {"data_dir": str(self.data_dir), "seed": str(seed)}
        return changed(base, self.changes | own)

    def network(self, seed: int) -> Path:
        return self.workdir / f"network_{seed}"

    @property
    def seeds(self) -> range:
        return range(self.networks)

    def measured(self, *seeds: int) -> Path:
        """The file of the ten-view evaluation of some networks together."""
        return self.workdir / f"ten_views_{'_'.join(map(str, seeds))}.json"


@dataclass(frozen=True)
class Step:
    """A command, and how to tell that it has been carried out.

    Attributes:
      kind: "prepare", "pack", "train" or "evaluate".
      script: in the directory of the experiments, without its suffix.
      done: looks at what is on the disk.
      members: seeds of the networks that it is about.
      outdates: files that say something of what the command will replace.
    """

    kind: str
    title: str
    script: str
    arguments: tuple[str, ...]
    done: Callable[[], bool]
    members: tuple[int, ...] = ()
    outdates: tuple[Path, ...] = ()

    @property
    def command(self) -> str:
        return shlex.join(("python", f"experiments/{self.script}.py", *self.arguments))


def steps(asked: Reproduction) -> list[Step]:
    """All steps in order: the data, then each network trained and evaluated, then all together."""
    found = _data_steps(asked)
    for seed in asked.seeds:
        found += [_training(asked, seed), _evaluation(asked, (seed,))]
    if asked.networks > 1:
        found.append(_evaluation(asked, tuple(asked.seeds)))
    return found


def _data_steps(asked: Reproduction) -> list[Step]:
    where = ("--data-dir", str(asked.data_dir))
    workers = ("--workers", asked.workers) if asked.workers else ()

    def there(*forms: str) -> bool:
        return any((asked.data_dir / DATA / form / DESCRIPTION).exists() for form in forms)

    prepare = ("imagenet", "--archives", str(asked.archives), *where, *workers, *asked.preparing)
    return [
        # Records may be removed once they are packed.
        Step("prepare", "prepare", "prepare", prepare, lambda: there(VERSION, PACKED)),
        Step("pack", "pack", "prepare", ("pack", DATA, *where, *workers), lambda: there(PACKED)),
    ]


def _training(asked: Reproduction, seed: int) -> Step:
    directory, config = asked.network(seed), asked.config(seed)
    changes = tuple(f"{name}={value}" for name, value in asked.changes.items())
    where = ("--data-dir", str(asked.data_dir), "--workdir", str(directory))
    arguments = (CONFIG, *where, "--seed", str(seed), *(("--set", *changes) if changes else ()))

    def done() -> bool:
        return finished(directory, config)

    stale = (asked.measured(seed), asked.measured(*asked.seeds))
    return Step("train", f"train network {seed}", "train", arguments, done, (seed,), stale)


def _evaluation(asked: Reproduction, seeds: tuple[int, ...]) -> Step:
    file, last = asked.measured(*seeds), asked.config(0).steps
    topology = asked.changes.get("topology")
    arguments = (
        *(str(asked.network(seed)) for seed in seeds),
        *("--views", str(VIEWS), "--data-dir", str(asked.data_dir), "--json", str(file)),
        *(() if topology is None else ("--topology", topology)),
    )
    which = f"network {seeds[0]}" if len(seeds) == 1 else f"networks {seeds[0]} to {seeds[-1]}"

    def done() -> bool:
        found = measurement(file)
        return found is not None and found["steps"] == [last] * len(seeds)

    return Step("evaluate", f"ten views of {which}", "evaluate", arguments, done, seeds)


def measurement(file: Path) -> dict[str, Any] | None:
    """What `evaluate.py --json` wrote; None where there is no such file.

    Raises:
      InputError: a file that is not one.
    """
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not {"steps", "images", "top1", "top5"} <= set(found):
            raise ValueError("a value is missing")
    except (ValueError, TypeError, OSError) as error:
        raise InputError(f"{file} is not an evaluation ({error}); remove it") from None
    return dict(found)


def check(asked: Reproduction) -> None:
    """Raises InputError for what would stop the plan only after days of work."""
    for seed in asked.seeds:
        directory = asked.network(seed)
        if (directory / "config.json").is_file():
            before = read_settings(directory)[0]
            if differences := before.differences(asked.config(seed)):
                raise InputError(
                    f"{directory} belongs to a run with other settings: {'; '.join(differences)}; "
                    "give another --workdir"
                )


def carry_out(plan: Sequence[Step], execute: Execute, say: Callable[[str], None]) -> int:
    """Runs the commands of all steps that are not done yet, in order.

    Args:
      execute: (script, arguments) to the exit status.
      say: told of every step.

    Returns:
      0, or the status of the first command that failed or was stopped, after which none is begun.

    Raises:
      InputError: a command that ends well and leaves its step undone.
    """
    for place, step in enumerate(plan, 1):
        here = f"step {place} of {len(plan)}: {step.title}"
        if step.done():
            say(f"{here}: there already")
            continue
        say(f"{here}\n{step.command}")
        for file in step.outdates:
            file.unlink(missing_ok=True)
        if status := execute(step.script, step.arguments):
            return status
        if not step.done():
            raise InputError(f"{step.title} ended well, but left nothing: {step.command}")
    return 0


def in_a_process(command: Sequence[str]) -> int:
    """Runs a command to its end and returns its exit status, 128 + the number after a signal.

    SIGINT and SIGTERM are handed on, each once, so that the command stops in order; it has a
    session of its own, where a terminal would signal it a second time.
    """
    early: list[int] = []
    children: list[subprocess.Popen[bytes]] = []

    def hand_on(number: int, _: object) -> None:
        for child in children:
            child.send_signal(number)
        if not children:
            early.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, hand_on) for number in numbers}
    try:
        children.append(subprocess.Popen(command, start_new_session=True))
        for number in early:
            children[0].send_signal(number)
        status = children[0].wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status
