"""Names that others gave leave the program without control characters."""

import pickle
from pathlib import Path

import pytest

from alexnet_jax import InputError
from alexnet_jax.cli.values import fail
from alexnet_jax.data.prepare.preparation import prepare
from alexnet_jax.data.sources.folder import folder
from alexnet_jax.errors import printable


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("Grüße, 猫 café 🐈", "Grüße, 猫 café 🐈"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x85\x9b\x7f", r"\x85\x9b\x7f"),
        ("gpj\u202egnp.exe\u2028", r"gpj\u202egnp.exe\u2028"),
        ("\udcff.png", r"\udcff.png"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_characters_that_are_not_printed_are_escapes(text: str, want: str) -> None:
    assert printable(text) == want
    error = pickle.loads(pickle.dumps(InputError(f"{text}: no such file")))
    assert str(error) == f"{want}: no such file".replace(r"\n", " ")


def test_messages_of_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fail("no such file (\x1b[31ma\x9b.png)")
    assert capsys.readouterr().err == "error: no such file (\\x1b[31ma\\x9b.png)\n"


def test_bad_files_of_a_folder(tmp_path: Path) -> None:
    """A name with a newline and escapes is one line of bad_files.txt and of what is said."""
    for name in ("a", "b\x1b[2J"):
        for number in range(3):
            path = tmp_path / "in" / "train" / name / f"{number}\ntest: forged.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"no picture")
    (tmp_path / "in" / "x\x1bc").touch()
    said: list[str] = []
    source = folder(tmp_path / "in", "mine", size=8, note=said.append)
    assert said == [f"{tmp_path / 'in'}: left unused: x\\x1bc"]
    with pytest.raises(InputError, match=r"/\d test: forged") as caught:
        prepare(source, tmp_path / "out", workers=1, note=said.append)
    assert str(caught.value).isprintable()
    (listed,) = (tmp_path / "out").rglob("bad_files.txt")
    lines = listed.read_text().splitlines()
    assert len(lines) == 4  # those of the first split to be read, train
    assert all(line.startswith(f"train: {tmp_path}") and line.isprintable() for line in lines)
