"""Reproduction of the paper's table 2 as a plan of commands that can be interrupted and resumed."""

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
from alexnet_jax.paper.runs import finished
from alexnet_jax.paper.scales import FULL
from alexnet_jax.runs import TrainConfig, read_settings, with_overrides
from alexnet_jax.runtime import hangup

CONFIG, DATA, VIEWS = "imagenet_source2012", "imagenet2012", 10
Execute = Callable[[str, Sequence[str]], int]


@dataclass(frozen=True)
class Reproduction:
    """Settings and directories of a reproduction.

    Attributes:
      archives: directory of ImageNet's two archives.
      data_dir: directory for the prepared data.
      workdir: directory for a run of each network and for their evaluations.
      networks: number of networks, with seeds 0, 1, ...
      changes: changes to the config as text by name, as `train --set` takes them.
      preparing: further options of `prepare imagenet`.
      workers: option `--workers` of `prepare`; "" for its default.

    Raises:
      InputError: fewer than one network; changes of unknown settings or of those the plan sets.
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
        """Return the settings of a network's run, equal to those of the command in its step."""
        base = dataclasses.replace(FULL, name=CONFIG)
        own = {"data_dir": str(self.data_dir), "seed": str(seed)}
        return with_overrides(base, self.changes | own)

    def network(self, seed: int) -> Path:
        """Return the workdir of a network."""
        return self.workdir / f"network_{seed}"

    @property
    def seeds(self) -> range:
        return range(self.networks)

    def measured(self, *seeds: int) -> Path:
        """Return the path of the ten-view evaluation of some networks together."""
        return self.workdir / f"ten_views_{'_'.join(map(str, seeds))}.json"


@dataclass(frozen=True)
class Step:
    """Command, and a check whether it has been carried out.

    Attributes:
      kind: "prepare", "pack", "train" or "evaluate".
      title: name of the step in messages.
      name: name of the command of `alexnet-jax`, and of its script in experiments/.
      arguments: arguments of the command.
      done: function that checks on disk whether the step is done.
      members: seeds of the networks that the step trains or evaluates.
      outdates: files that are removed before the command runs, since it makes them obsolete.
      form: form in which the command is shown, "{}" for its name.
    """

    kind: str
    title: str
    name: str
    arguments: tuple[str, ...]
    done: Callable[[], bool]
    members: tuple[int, ...] = ()
    outdates: tuple[Path, ...] = ()
    form: str = "alexnet-jax {}"

    @property
    def command(self) -> str:
        """Return the command as a line for a shell."""
        return f"{self.form.format(self.name)} {shlex.join(self.arguments)}"


def steps(reproduction: Reproduction, form: str = Step.form) -> list[Step]:
    """List all steps in order: data, training and evaluation of each network, evaluation of all."""
    plan = _data_steps(reproduction)
    for seed in reproduction.seeds:
        plan += [_training(reproduction, seed), _evaluation(reproduction, (seed,))]
    if reproduction.networks > 1:
        plan.append(_evaluation(reproduction, tuple(reproduction.seeds)))
    return [dataclasses.replace(step, form=form) for step in plan]


def _data_steps(reproduction: Reproduction) -> list[Step]:
    data_dir = ("--data-dir", str(reproduction.data_dir))
    workers = ("--workers", reproduction.workers) if reproduction.workers else ()

    def exists(*forms: str) -> bool:
        return any((reproduction.data_dir / DATA / form / DESCRIPTION).exists() for form in forms)

    archives = ("--archives", str(reproduction.archives))
    prepare = ("imagenet", *archives, *data_dir, *workers, *reproduction.preparing)
    pack = ("pack", DATA, *data_dir, *workers)
    return [
        # Records may be removed once they are packed.
        Step("prepare", "prepare", "prepare", prepare, lambda: exists(VERSION, PACKED)),
        Step("pack", "pack", "prepare", pack, lambda: exists(PACKED)),
    ]


def _training(reproduction: Reproduction, seed: int) -> Step:
    directory, config = reproduction.network(seed), reproduction.config(seed)
    changes = [f"{name}={value}" for name, value in reproduction.changes.items()]
    directories = ("--data-dir", str(reproduction.data_dir), "--workdir", str(directory))
    setting = ("--set", *changes) if changes else ()
    arguments = (CONFIG, *directories, "--seed", str(seed), *setting)

    def done() -> bool:
        return finished(directory, config)

    stale = (reproduction.measured(seed), reproduction.measured(*reproduction.seeds))
    return Step("train", f"train network {seed}", "train", arguments, done, (seed,), stale)


def _evaluation(reproduction: Reproduction, seeds: tuple[int, ...]) -> Step:
    file, last = reproduction.measured(*seeds), reproduction.config(0).steps
    topology = reproduction.changes.get("topology")
    arguments: tuple[str, ...] = (
        *(str(reproduction.network(seed)) for seed in seeds),
        *("--views", str(VIEWS), "--data-dir", str(reproduction.data_dir), "--json", str(file)),
    )
    if topology is not None:
        arguments += ("--topology", topology)
    which = f"network {seeds[0]}" if len(seeds) == 1 else f"networks {seeds[0]} to {seeds[-1]}"

    def done() -> bool:
        values = measurement(file)
        return values is not None and values["steps"] == [last] * len(seeds)

    return Step("evaluate", f"ten views of {which}", "evaluate", arguments, done, seeds)


def measurement(file: Path) -> dict[str, Any] | None:
    """Read a file written by `evaluate --json`; return None if it does not exist.

    Raises:
      InputError: a file that does not contain an evaluation.
    """
    if not file.is_file():
        return None
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if not {"steps", "images", "top1", "top5"} <= set(values):
            raise ValueError("a value is missing")
    except (ValueError, TypeError, OSError) as error:
        raise InputError(f"{file} is not an evaluation ({error}); remove it") from None
    return dict(values)


def check(reproduction: Reproduction) -> None:
    """Raise InputError if a workdir belongs to a run with other settings, before any step runs."""
    for seed in reproduction.seeds:
        directory = reproduction.network(seed)
        if (directory / "config.json").is_file():
            settings = read_settings(directory)[0]
            if differences := settings.differences(reproduction.config(seed)):
                raise InputError(
                    f"{directory} belongs to a run with other settings: {'; '.join(differences)}; "
                    "give another --workdir"
                )


def carry_out(plan: Sequence[Step], execute: Execute, say: Callable[[str], None]) -> int:
    """Run the commands of all steps that are not done, in order.

    Args:
      execute: function of (name, arguments) that runs a command and returns its exit status.
      say: called with a message for each step.

    Returns:
      0, or the exit status of the first command that failed or was stopped, which ends the plan.

    Raises:
      InputError: a command that succeeded although its step is not done.
    """
    for number, step in enumerate(plan, 1):
        label = f"step {number} of {len(plan)}: {step.title}"
        if step.done():
            say(f"{label}: there already")
            continue
        say(f"{label}\n{step.command}")
        for file in step.outdates:
            file.unlink(missing_ok=True)
        if status := execute(step.name, step.arguments):
            return status
        if not step.done():
            raise InputError(f"{step.title} ended well, but left nothing: {step.command}")
    return 0


def in_a_process(command: Sequence[str]) -> int:
    """Run a command and return its exit status, or 128 + the number of the signal that ended it.

    SIGINT, SIGTERM and SIGHUP are forwarded, so that the command can stop in order. It runs in a
    session of its own; otherwise a terminal would send it the same signal a second time.
    """
    early, children = list[int](), list[subprocess.Popen[bytes]]()

    def forward(number: int, _: object) -> None:
        for child in children:
            child.send_signal(number)
        if not children:
            early.append(number)

    before = {n: signal.signal(n, forward) for n in (signal.SIGINT, signal.SIGTERM, *hangup())}
    try:
        children.append(subprocess.Popen(command, start_new_session=True))
        for number in early:
            children[0].send_signal(number)
        status = children[0].wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status
