"""Published files by name, from a server on the loopback, with files made in the real formats."""

from __future__ import annotations

import fcntl
import hashlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from helpers import caffe_files
from helpers.loopback import Server, serving
from helpers.scripts import assert_refused, call
from helpers.torch_bytes import torch_zip
from helpers.weight_files import BVLC, OWT, source_arrays, torch_names, widths

from alexnet_jax import InputError
from alexnet_jax.cli.commands.import_weights import KindOrName
from alexnet_jax.runtime import cache_directory
from alexnet_jax.weights import KINDS, PUBLISHED_FILES, PublishedFile, fetch, load
from alexnet_jax.weights.published_files import PublishedFile as Entry

DATA = np.random.default_rng(0).bytes(200_000)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def enter(
    monkeypatch: pytest.MonkeyPatch, server: Server, data: bytes = DATA, **changes: Any
) -> PublishedFile:
    """Enter the server's file in the table as `tiny`, with the first digits of its SHA-256."""
    digest = f"sha256:{hashlib.sha256(data).hexdigest()[:8]}"
    values = {"kind": "torchvision", "address": server.address, "digest": digest} | changes
    entry = Entry(source="a test", licence="none", **values)
    monkeypatch.setitem(PUBLISHED_FILES, "tiny", entry)
    return entry


def refusal(cache: Path, name: str = "tiny") -> str:
    with pytest.raises(InputError) as caught:
        fetch(name, cache=cache)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("kind", "hashed"), [("torchvision", "sha256"), ("caffe", "sha1")])
def test_from_a_name_to_weights(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    hashed: str,
) -> None:
    """The file arrives byte by byte, with a line of progress, in the directory that the environment
    names; the second time there is no server, and none is asked."""
    arrays = source_arrays("owt" if kind == "torchvision" else "caffe_alexnet")
    if kind == "torchvision":
        data = torch_zip(tmp_path / "made.pth", torch_names(arrays)).read_bytes()
    else:
        data = caffe_files.net(arrays, caffe_files.layers("caffe_alexnet"), legacy=True)
    monkeypatch.setenv("ALEXNET_JAX_CACHE", str(tmp_path / "cache"))
    with serving(data) as server:
        digest = f"{hashed}:{hashlib.new(hashed, data).hexdigest()}"
        enter(monkeypatch, server, kind=kind, digest=digest)
        path = fetch("tiny")
    assert path == tmp_path / "cache" / "weights" / "alexnet.bin"
    assert path.read_bytes() == data
    assert server.asked == [None]
    assert [file.name for file in path.parent.iterdir()] == ["alexnet.bin"]
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"tiny: {len(data):,} bytes in 0:0")
    assert fetch("tiny") == path
    found = load(kind, path, layers=widths(OWT if kind == "torchvision" else BVLC))
    kernel = arrays["conv3.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(found.params["conv3"]["kernel"], kernel)


def test_the_script_takes_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name without FILE is downloaded, with its progress on standard error only."""
    arrays = source_arrays("caffe_alexnet")
    data = caffe_files.net(arrays, caffe_files.layers("caffe_alexnet"), legacy=True)
    monkeypatch.setenv("ALEXNET_JAX_CACHE", str(tmp_path / "cache"))
    changes = [f"{layer}.maps={count}" for layer, count in BVLC.items()]
    with serving(data) as server:
        digest = f"sha1:{hashlib.sha1(data).hexdigest()}"
        entry = enter(monkeypatch, server, kind="caffe", digest=digest)
        monkeypatch.setitem(PUBLISHED_FILES, "caffe_alexnet", entry)
        result = call("import_weights", "caffe_alexnet", "--workdir", tmp_path / "run",
                      "--set", *changes)  # fmt: skip
    assert result.status == 0
    assert result.lines[0] == f"{tmp_path / 'run'}: caffe_alexnet of alexnet.bin"
    assert result.err.startswith(f"caffe_alexnet: {len(data):,} bytes in")


def test_names_and_kinds_of_the_script(tmp_path: Path) -> None:
    assert set(get_args(KindOrName)) == {*KINDS, *PUBLISHED_FILES}
    workdir = ("--workdir", tmp_path / "run")
    assert_refused(call("import_weights", "caffe", *workdir), "caffe needs a FILE")
    assert_refused(
        call("import_weights", "caffenet", "net.caffemodel", *workdir),
        "caffenet names published weights, which are downloaded without FILE",
    )


def test_the_table() -> None:
    """Digests are whole but for torchvision's, whose file name has eight digits of it."""
    assert {"torchvision", "caffe_alexnet", "caffenet"} <= set(PUBLISHED_FILES)
    lengths = {"sha256": 64, "sha1": 40}
    for name, entry in PUBLISHED_FILES.items():
        kind, _, digits = entry.digest.partition(":")
        assert entry.kind in KINDS
        assert int(digits, 16) > 0
        assert len(digits) == (8 if name == "torchvision" else lengths[kind])
        assert entry.address.startswith(("https://", "http://dl.caffe.berkeleyvision.org/"))
        assert entry.source
        assert entry.licence
    assert "-7be5be79.pth" in PUBLISHED_FILES["torchvision"].file


@pytest.mark.parametrize("faults", [{}, {"ranges": False}, {"length": False}])
def test_a_download_that_broke_off_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: dict[str, Any]
) -> None:
    """Where the server has ranges, from the byte where it broke off; elsewhere from the beginning.
    An answer without its length is known to be cut by the size in the table."""
    with serving(DATA, cut=150_000, **faults) as server:
        enter(monkeypatch, server, size=len(DATA))
        text = refusal(tmp_path)
        (part,) = tmp_path.iterdir()
        kept = part.stat().st_size
        assert (part.name, kept >= 130_000) == ("alexnet.bin.part", True)
        assert f"{kept:,} bytes of it are kept, and the next attempt resumes from there" in text
        server.cut = None
        assert fetch("tiny", cache=tmp_path).read_bytes() == DATA
    assert server.asked == [None, f"bytes={kept}-"]
    assert [file.name for file in tmp_path.iterdir()] == ["alexnet.bin"]


@pytest.mark.parametrize("part", [b"of another file", b"x" * len(DATA), DATA])
def test_a_part_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    """A part of another file is replaced, also one as long as the file; one that is whole, of a
    process that was killed before it gave the file its name, is asked for no more."""
    (tmp_path / "alexnet.bin.part").write_bytes(part)
    with serving(DATA) as server:
        enter(monkeypatch, server)
        assert fetch("tiny", cache=tmp_path).read_bytes() == DATA
    assert len(server.asked) == (0 if part == DATA else 2)


def test_another_file_at_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not kept, and both digests are told."""
    with serving(DATA[::-1]) as server:
        entry = enter(monkeypatch, server)
        text = refusal(tmp_path)
    assert f"its digest is sha256:{hashlib.sha256(DATA[::-1]).hexdigest()}" in text
    assert f"its publisher states {entry.digest} (a test)" in text
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_cache_that_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(DATA) as server:
        enter(monkeypatch, server)
        path = fetch("tiny", cache=tmp_path)
    path.write_bytes(DATA[:-1])
    assert "delete it to download it again" in refusal(tmp_path)
    assert path.read_bytes() == DATA[:-1]


def test_servers_that_have_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A status, or nothing that listens: the reason, the address and what to do instead."""
    reasons = ("(404 Not Found)", "(416 ", "(503 Service Unavailable)", "(Connection refused)")
    with serving(DATA) as server:
        enter(monkeypatch, server)
        said = []
        for status in (404, 416, 503):
            server.status = status
            said.append(refusal(tmp_path))
    said.append(refusal(tmp_path))
    for text, reason in zip(said, reasons, strict=True):
        assert text.startswith(f"tiny: {server.address} could not be downloaded {reason}")
        assert text.endswith(f"save it as {tmp_path / 'alexnet.bin'}, or give its own path")
    assert not list(tmp_path.iterdir())


def test_caches_that_hold_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that is no directory, and a full disk."""
    (tmp_path / "file").write_text("")
    (tmp_path / "alexnet.bin.part").symlink_to("/dev/full")
    with serving(DATA) as server:
        enter(monkeypatch, server)
        for cache, reason in ((tmp_path / "file", "File exists"), (tmp_path, "No space left")):
            text = refusal(cache)
            assert f"alexnet.bin cannot be written ({reason}" in text
            assert f"another directory, or download {server.address} by other means" in text


def test_an_unknown_name(tmp_path: Path) -> None:
    assert refusal(tmp_path, "resnet").startswith(
        "no published file is called 'resnet'; there are torchvision, caffe_alexnet, caffenet"
    )


def test_without_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line names the command that brings it; the cache is left alone."""
    monkeypatch.setitem(sys.modules, "requests", None)
    text = refusal(tmp_path / "cache", "torchvision")
    assert text == "a download needs requests: pip install 'alexnet_jax[interop]'"
    assert not list(tmp_path.iterdir())


def test_two_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second waits for the first, downloads nothing, and has the same file."""
    waits, flock = threading.Event(), fcntl.flock

    def locked(file: Any, how: int) -> None:
        if how == fcntl.LOCK_EX:
            waits.set()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", locked)
    with serving(DATA) as server, ThreadPoolExecutor(2) as pool:
        enter(monkeypatch, server)
        server.go.clear()
        paths = [pool.submit(fetch, "tiny", cache=tmp_path) for _ in range(2)]
        assert waits.wait(10)
        server.go.set()
        assert {path.result().read_bytes() for path in paths} == {DATA}
    assert server.asked == [None]
    assert "waiting for another process" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["alexnet.bin"]


@pytest.mark.parametrize(
    ("variables", "directory"),
    [
        ({"ALEXNET_JAX_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"ALEXNET_JAX_CACHE": "", "XDG_CACHE_HOME": "/b"}, "/b/alexnet_jax"),
        ({"XDG_CACHE_HOME": "", "HOME": "/c"}, "/c/.cache/alexnet_jax"),
    ],
)
def test_the_directory_of_the_cache(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], directory: str
) -> None:
    monkeypatch.delenv("ALEXNET_JAX_CACHE", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_directory() == Path(directory)
