"""Report of the trainings as Markdown, from their record alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from alexnet_jax.display import format_duration, format_markdown
from alexnet_jax.paper.cifar.baselines import WORDS
from alexnet_jax.paper.cifar.estimate import WORDS as ESTIMATES
from alexnet_jax.paper.cifar.record import Record, RunRecord, TrainingRecord, best_runs
from alexnet_jax.paper.verdicts import interval

NOT_RUN = "not run"
TIMES = (
    "Times are of training alone, summed from the images per second in each run's metrics.jsonl: "
    "compiling the first update is in them, evaluations are not. Images/s are the medians of these "
    "rates, averaged over runs. ± is the half-width of the 95 % interval (Student's t) of the mean "
    "difference between runs of the same seed."
)
Measure = Callable[[RunRecord], float | None]


def format_report(record: Record) -> str:
    """Format all trainings: errors and times, figure 1, differences, and what was not run."""
    data, by_name = record["data"], {one["name"]: one for one in record["trainings"]}
    races = [one for one in record["trainings"] if one["rates"]]
    note = f", {data['note']}" if data["note"] else ""
    parts = [
        f"Data: {data['name']}{note}; {data['train']:,} training images, {data['test']:,} test "
        f"images. Written on {record['machine']}, with jax {record['jax']}.",
        _errors(record),
        _races(races),
        "\n".join(f"- {line}" for line in differences(by_name)),
        TIMES,
        _missing(record["trainings"]),
    ]
    return "\n\n".join(part for part in parts if part)


def _errors(record: Record) -> str:
    heads = (
        "training",
        "",
        "epochs",
        "time of a run",
        "images/s",
        "error by seed, %",
        "mean, %",
        "then",
    )
    rows = [
        (
            f"`{name}`",
            WORDS[name],
            "",
            _seconds([found["seconds"]]),
            "",
            "",
            f"{found['error']:.2f}",
            "",
        )
        for name, found in record["baselines"].items()
    ]
    for training in record["trainings"]:
        if training["rates"]:
            continue
        name, runs = f"`{training['name']}`", training["runs"]
        done = [run for run in runs if run["finished"]]
        speed = (
            f"{training['epochs']:g}",
            _seconds([run["seconds"] for run in done]),
            _speed(done),
        )
        if not done:
            speed = (speed[0], _progress(runs), "-")
        ten = any(run["error_ten_views"] is not None for run in done)
        views = ", centre view" if ten else ""
        then = training["then"]
        first = "" if ten else then
        rows.append((name, training["says"] + views, *speed, *_by_seed(done, error), first))
        if ten:
            rows.append((name, "ten views", "", "", "", *_by_seed(done, error_ten_views), then))
    return format_markdown(heads, rows, left=2)


def error(run: RunRecord) -> float | None:
    """Return the error of the centre view, in %."""
    return run["error"]


def error_ten_views(run: RunRecord) -> float | None:
    """Return the error of ten views, in %."""
    return run["error_ten_views"]


def crossed(run: RunRecord) -> float | None:
    """Return the epoch at which the training error fell to 25 %."""
    return run["crossed"]


def _by_seed(runs: Sequence[RunRecord], measure: Measure) -> tuple[str, str]:
    values = {run["seed"]: measure(run) for run in runs}
    known = [value for value in values.values() if value is not None]
    if not known:
        return "-", "-"
    listed = ", ".join(f"{value:.2f}" for value in known)
    return listed, f"{sum(known) / len(known):.2f}"


def _races(races: Sequence[TrainingRecord]) -> str:
    heads = (
        "units",
        "best rate",
        "epochs to 25 % training error, by seed",
        "other rates, first seed",
        "time, all runs",
    )
    rows = []
    for race in races:
        best, first = best_runs(race), race["seeds"][0]
        name = f"`{race['name']}`"
        if not race["runs"]:
            rows.append((name, "-", NOT_RUN, "-", "-"))
            continue
        others = [r for r in race["runs"] if r["seed"] == first and r not in best]
        others.sort(key=lambda run: run["rate"] or 0)
        rows.append(
            (
                name,
                f"{best[0]['rate']:g}" if best else "-",
                ", ".join(map(_crossing, best)) or "not reached so far",
                "; ".join(f"{run['rate']:g}: {_crossing(run)}" for run in others),
                format_duration(sum(run["seconds"] for run in race["runs"])),
            )
        )
    return format_markdown(heads, rows, left=1)


def _crossing(run: RunRecord) -> str:
    if run["crossed"] is not None:
        return f"{run['crossed']:.1f}"
    if run["failed"] is not None:
        return f"failed within {math.ceil(run['epochs']) or 1}"
    return f"not in {run['epochs']:.1f}"


def differences(by_name: dict[str, TrainingRecord]) -> list[str]:
    """List the differences that the paper and the comparison with PyTorch are about, as text."""
    lines = []
    for more, less, measure, words in (
        ("13pct_short", "11pct_short", error_ten_views, "ten views; 13 % and 11 % then"),
        ("13pct_short", "11pct_short", error, "centre view"),
        ("13pct", "11pct", error_ten_views, "ten views; 13 % and 11 % then"),
        ("19pct_quarter", "18pct_quarter", error, "19 % and 18 % then"),
        ("80sec_torch", "80sec", error, "the same recipe"),
    ):
        pairs = _paired(by_name[more]["runs"], by_name[less]["runs"], measure)
        if pairs:
            mean, half = interval([a - b for a, b in pairs])
            spread = f" ± {half:.2f}" if len(pairs) > 1 else ""
            lines.append(
                f"`{more}` minus `{less}`: {mean:+.2f}{spread} points ({words}; {_seeds(pairs)})"
            )
    pairs = _paired(best_runs(by_name["tanh"]), best_runs(by_name["relu"]), crossed)
    if pairs:
        mean, half = interval([math.log(tanh / relu) for tanh, relu in pairs])
        low, high = math.exp(mean - half), math.exp(mean + half) if half < 9 else math.inf
        spread = f" ({low:.2f} to {high:.2f})" if len(pairs) > 1 else ""
        lines.append(
            f"tanh takes {math.exp(mean):.2f}{spread} times as many epochs as ReLU to 25 % "
            f"training error, each at its best rate (six times then; {_seeds(pairs)})"
        )
    return lines


def _paired(
    more: Sequence[RunRecord], less: Sequence[RunRecord], measure: Measure
) -> list[tuple[float, float]]:
    """Return the pairs of a measure of two trainings' runs of the same seed."""
    others = {run["seed"]: measure(run) for run in less}
    pairs = ((measure(run), others.get(run["seed"])) for run in more)
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def _seeds(pairs: Sequence[object]) -> str:
    return f"{len(pairs)} seeds" if len(pairs) > 1 else "one seed"


def _missing(trainings: Sequence[TrainingRecord]) -> str:
    """List the trainings of which runs are missing, with their command and an estimate."""
    heads = ("missing", "runs", "command", "one GPU, a run, estimate")
    rows = []
    for training in trainings:
        done = len([run for run in best_runs(training) if run["finished"]])
        missing = len(training["seeds"]) - done
        if missing > 0:
            command = f"`alexnet-jax cifar10 --only {training['name']} --data-dir data`"
            most = "at most " if training["rates"] else ""
            time = f"{most}{format_duration(training['gpu_seconds'])}"
            if training["library"] == "torch":
                time = "-"
            rows.append((f"`{training['name']}`", str(missing), command, time))
    return f"{format_markdown(heads, rows, left=1)}\n\n{ESTIMATES}" if rows else ""


def _seconds(values: Sequence[float]) -> str:
    return format_duration(sum(values) / len(values)) if values else "-"


def _speed(runs: Sequence[RunRecord]) -> str:
    return f"{sum(r['images_per_second'] for r in runs) / len(runs):,.0f}" if runs else "-"


def _progress(runs: Sequence[RunRecord]) -> str:
    """Return how far runs of which none is finished have come."""
    return f"so far {max(run['epochs'] for run in runs):g} epochs" if runs else NOT_RUN
