"""Report of a table as Markdown, from its record alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from alexnet_jax.display import format_duration, format_markdown
from alexnet_jax.paper.trainings.differences import format_ablations, list_differences
from alexnet_jax.paper.trainings.estimate import WORDS as ESTIMATES
from alexnet_jax.paper.trainings.record import Record, RunRecord, TrainingRecord, best_runs
from alexnet_jax.paper.trainings.table import MEASURES, Measure, Table

NOT_RUN = "not run"
TIMES = (
    "Times are of training alone, summed from the images per second in each run's metrics.jsonl: "
    "compiling the first update is in them, evaluations are not. Images/s are the medians of these "
    "rates, averaged over runs. ± is the half-width of the 95 % interval (Student's t) of the mean "
    "difference between runs of the same seed."
)


def format_report(table: Table, record: Record) -> str:
    """Format all trainings: errors and times, races, differences, and what was not run."""
    data, trainings = record["data"], {one["name"]: one for one in record["trainings"]}
    sections = record.get("sections", {})
    note = f", {data['note']}" if data["note"] else ""
    parts = [
        f"Data: {data['name']}{note}; {data['train']:,} training images, {data['test']:,} test "
        f"images. Written on {record['machine']}, with jax {record['jax']}.",
        _format_errors(table, record),
        _races([one for one in record["trainings"] if one["rates"]]),
        list_differences(table, trainings),
        format_ablations(table, trainings),
        TIMES,
        *(one.format(sections[one.name]) for one in table.sections if one.name in sections),
        _missing(table, record["trainings"]),
    ]
    return "\n\n".join(part for part in parts if part)


def _format_errors(table: Table, record: Record) -> str:
    """Format the errors and times of baselines and of trainings that are no races."""
    heads: tuple[str, ...] = (
        "training",
        "",
        "epochs",
        "time of a run",
        "images/s",
        "error by seed, %",
        "mean, %",
        "then",
    )
    says = {one.name: one.says for one in table.baselines}
    rows: list[tuple[str, ...]] = []
    for name, found in record["baselines"].items():
        time, error = format_duration(found["seconds"]), f"{found['error']:.2f}"
        rows.append((f"`{name}`", says[name], "", time, "", "", error, ""))
    for training in record["trainings"]:
        if not training["rates"]:
            rows += _training_rows(table, training)
    if not any(one.then for one in table.trainings):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    return format_markdown(heads, rows, left=2)


def _training_rows(table: Table, training: TrainingRecord) -> Iterator[tuple[str, ...]]:
    """Yield a training's row with its top-1 error, and a row for each further error."""
    runs = training["runs"]
    done = [run for run in runs if run["finished"]]
    further: list[Measure] = [
        measure
        for measure in table.measures
        if measure != "error" and any(run.get(measure) is not None for run in done)
    ]
    time, speed = (_mean_time(done), _speed(done)) if done else (_progress(runs), "-")
    says = training["says"] + (f", {MEASURES['error']}" if further else "")
    published = "error_ten_views" if "error_ten_views" in further else "error"
    first = (f"`{training['name']}`", says, f"{training['epochs']:g}", time, speed)
    measures: list[Measure] = ["error", *further]
    for measure in measures:
        cells = first if measure == "error" else ("", MEASURES[measure], "", "", "")
        then = training["then"] if measure == published else ""
        yield (*cells, *_by_seed(done, measure), then)


def _by_seed(runs: Sequence[RunRecord], measure: Measure) -> tuple[str, str]:
    """Return the values of a measure, separated by commas, and their mean."""
    values = {run["seed"]: run.get(measure) for run in runs}
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
    return format_markdown(heads, rows, left=1) if rows else ""


def _crossing(run: RunRecord) -> str:
    if run["crossed"] is not None:
        return f"{run['crossed']:.1f}"
    if run["failed"] is not None:
        return f"failed within {math.ceil(run['epochs']) or 1}"
    return f"not in {run['epochs']:.1f}"


def _missing(table: Table, trainings: Sequence[TrainingRecord]) -> str:
    """List the trainings of which runs are missing, with their command and an estimate."""
    heads = ("missing", "runs", "command", "one GPU, a run, estimate")
    rows = []
    for training in trainings:
        done = len([run for run in best_runs(training) if run["finished"]])
        missing = len(training["seeds"]) - done
        if missing > 0:
            command = f"`alexnet-jax {table.name} --only {training['name']} --data-dir data`"
            most = "at most " if training["rates"] else ""
            time = f"{most}{format_duration(training['gpu_seconds'])}"
            if training["library"] == "torch":
                time = "-"
            rows.append((f"`{training['name']}`", str(missing), command, time))
    return f"{format_markdown(heads, rows, left=1)}\n\n{ESTIMATES}" if rows else ""


def _mean_time(runs: Sequence[RunRecord]) -> str:
    return format_duration(sum(run["seconds"] for run in runs) / len(runs))


def _speed(runs: Sequence[RunRecord]) -> str:
    return f"{sum(run['images_per_second'] for run in runs) / len(runs):,.0f}"


def _progress(runs: Sequence[RunRecord]) -> str:
    """Return how far runs of which none is finished have come."""
    return f"so far {max(run['epochs'] for run in runs):g} epochs" if runs else NOT_RUN
