"""Progress lines, durations, tables of text, blank figures."""

import io
import time

import pytest

from alexnet_jax.display import (
    Progress,
    blank_figure,
    format_duration,
    format_milliseconds,
    format_table,
    is_quiet,
    progress,
    quiet,
    remark,
    waiting,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3723, "1:02:03"), (360_000, "100:00:00")],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.00123, "1.23"), (0.0123, "12.3"), (0.123, "123"), (12.3456, "12,346")],
)
def test_milliseconds_have_three_digits_or_more(seconds: float, text: str) -> None:
    assert format_milliseconds(seconds) == text


def test_columns_stand_to_the_right() -> None:
    lines = format_table([("name", "ms"), ("conv1", "1.25"), ("fc8", "10")]).splitlines()
    assert lines == [" name    ms", "-----------", "conv1  1.25", "  fc8    10"]


def test_columns_to_the_left_and_rules() -> None:
    lines = [("layer", "to", "MB"), ("fc6", "b", "1"), ("total", "", "10")]
    text = format_table(lines, left=2, rules=(1, -1)).splitlines()
    rule = "-" * 13
    assert text == ["layer  to  MB", rule, "fc6    b    1", rule, "total      10"]
    assert format_table([("a", "b"), ("cc", "")], left=2, rules=()) == "a   b\ncc"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_says_rate_and_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 5.0, 10.0, 30.0, 40.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    out = io.StringIO()
    progress = Progress("pets", 400, done=100, file=out)
    progress.advance(50)  # too early for a line
    progress.advance(50)
    progress.advance(100)
    progress.finish()
    assert out.getvalue().splitlines() == [
        "pets: 200 of 400 images  10 images/s  0:20 left",
        "pets: 300 of 400 images  7 images/s  0:15 left",
        "pets: 200 images in 0:40, 5 images/s",
    ]


def test_a_terminal_gets_one_line_that_changes() -> None:
    out = Terminal()
    Progress("pets", 2, unit="shards", file=out).finish()
    assert out.getvalue() == "\rpets: 0 shards in 0:00\x1b[K\n"


def test_short_work_is_passed_over_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    for ends, shown in ((2.9, ""), (3.0, "pets: 4 images in 0:03, 1 images/s\n")):
        clock = iter([0.0, 1.0, ends])
        monkeypatch.setattr(time, "perf_counter", lambda clock=clock: next(clock))
        out = io.StringIO()
        work = Progress("pets", 4, file=out, after=3.0)
        work.advance(4)
        work.finish()
        assert out.getvalue() == shown


def test_waiting_is_told_once_it_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    with waiting("compiling", out):
        pass
    assert out.getvalue() == ""
    monkeypatch.setattr(progress, "LONG", 0.01)
    with waiting("compiling", out):
        while not out.getvalue():
            time.sleep(0.001)
    assert out.getvalue() == "compiling: 0:00 so far\ncompiling: 0:00\n"
    shown = Terminal()
    with waiting("compiling", shown):
        while not shown.getvalue():
            time.sleep(0.001)
    assert shown.getvalue().endswith("\rcompiling: 0:00\x1b[K\n")


def test_nothing_is_told_inside_of_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LONG", 0.001)
    out = io.StringIO()
    with quiet():
        assert is_quiet()
        Progress("pets", 2, file=out).finish()
        remark("a remark")
        with waiting("compiling", out):
            time.sleep(0.02)
    assert (out.getvalue(), capsys.readouterr().out) == ("", "")
    with quiet(False):
        remark("a remark")
    assert capsys.readouterr().out == "a remark\n"


def test_a_figure_has_its_size_and_no_window() -> None:
    figure = blank_figure(4, 2)
    assert tuple(figure.get_size_inches()) == (4, 2)
