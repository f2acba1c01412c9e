"""Published weights by name: downloaded, resumed, and held against their publisher's digest."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

from alexnet_jax.checkpoints import file_digest
from alexnet_jax.display import Progress
from alexnet_jax.errors import InputError
from alexnet_jax.runtime import cache_directory, open_locked
from alexnet_jax.weights.published_files import PUBLISHED_FILES, PublishedFile

_PATIENCE = 30  # seconds without an answer, or without a further byte
_CHUNK = 1 << 16  # bytes; where a download breaks off, at most so many are lost


def fetch(name: str, *, cache: str | Path | None = None) -> Path:
    """Return the path of a published file of weights, downloaded if it is not in the cache.

        weights = alexnet_jax.weights.load("caffe", alexnet_jax.weights.fetch("caffenet"))

    A download shows its progress on standard error and goes through the proxies that the
    environment names. The file takes its name once its digest is the published one. Until then it
    is FILE.part, from which an interrupted download resumes. Of several processes one downloads,
    and the others wait for it. A file that is in the cache needs no network.

    Addresses and digests are the publishers'. The tests download from a server on the loopback;
    nothing was tried with the publishers' servers.

    Args:
      name: a name in `PUBLISHED_FILES`.
      cache: directory of the files; by default `weights` in `$ALEXNET_JAX_CACHE`, else in
        `$XDG_CACHE_HOME/alexnet_jax`, else in `~/.cache/alexnet_jax`.

    Raises:
      InputError: no such name; the server cannot be reached or lacks the file; the file has another
        digest; the cache cannot be written or its disk is full; requests is not installed.
    """
    if name not in PUBLISHED_FILES:
        raise InputError(
            f"no published file is called {name!r}; there are {', '.join(PUBLISHED_FILES)}"
        )
    published = PUBLISHED_FILES[name]
    directory = cache_directory() / "weights" if cache is None else Path(cache)
    path = directory / published.file
    if path.is_file():
        found = _digest(path, published)
        if not found.startswith(published.digest):
            raise InputError(
                f"{path}: {_mismatch(found, published)}; delete it to download it again"
            )
        return path
    _require_requests()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}.part")
        with open_locked(aside, wait=lambda: _report_wait(aside)) as part:
            if not path.is_file():  # else another process has downloaded it meanwhile
                _complete(name, published, path, part)
                os.replace(part.name, path)
            else:
                os.unlink(part.name)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}); set ALEXNET_JAX_CACHE to "
            f"another directory, or download {published.address} by other means and give its path"
        ) from error
    return path


def _require_requests() -> None:
    try:
        import requests  # noqa: F401
    except ImportError:
        raise InputError("a download needs requests: pip install 'alexnet_jax[interop]'") from None


def _report_wait(part: Path) -> None:
    print(f"{part}: waiting for another process that downloads it", file=sys.stderr)


def _complete(name: str, published: PublishedFile, path: Path, part: IO[bytes]) -> None:
    """Download what a part file lacks, or all of it where the part turns out to be of another file.

    Raises:
      InputError: the download failed, or the file has another digest; then the part is deleted.
    """
    resumed = _size(part) > 0
    found = _digest(Path(part.name), published) if resumed else ""
    for again in (False, True) if resumed else (False,):
        if found.startswith(published.digest):
            return
        if again:
            part.truncate(0)
        _download(name, published, path, part)
        found = _digest(Path(part.name), published)
    if not found.startswith(published.digest):
        os.unlink(part.name)
        raise InputError(
            f"{name}: {published.address} is another file: {_mismatch(found, published)}; it is "
            "deleted"
        )


def _download(name: str, published: PublishedFile, path: Path, part: IO[bytes]) -> None:
    import requests

    try:
        _transfer(name, published, part)
    except requests.RequestException as error:
        count = _size(part)
        kept = f"; {count:,} bytes of it are kept, and the next attempt resumes from there"
        if not count:
            os.unlink(part.name)
        raise InputError(
            f"{name}: {published.address} could not be downloaded ({_reason(error)})"
            f"{kept if count else ''}; download it by other means and save it as {path}, or give "
            "its own path"
        ) from error


def _transfer(name: str, published: PublishedFile, part: IO[bytes]) -> None:
    """Append the bytes that a part file lacks; replace it where the server sends all of them."""
    import requests

    done = _size(part)
    headers = {"Accept-Encoding": "identity"}  # ranges and digests are of the file itself
    if done:
        headers["Range"] = f"bytes={done}-"
    with requests.get(
        published.address, headers=headers, stream=True, timeout=_PATIENCE
    ) as response:
        if done and response.status_code == requests.codes.requested_range_not_satisfiable:
            part.truncate(0)
            return _transfer(name, published, part)
        response.raise_for_status()
        if done and response.status_code != requests.codes.partial_content:
            part.truncate(0)
            done = 0
        rest = int(response.headers.get("Content-Length", published.size - done))
        progress = Progress(name, done + rest, done, "bytes", sys.stderr)
        for chunk in response.iter_content(_CHUNK):
            part.write(chunk)
            progress.advance(len(chunk))
    if _size(part) < done + rest:
        raise requests.ConnectionError(f"{_size(part):,} of {done + rest:,} bytes")
    os.fsync(part.fileno())
    return progress.finish()


def _size(part: IO[bytes]) -> int:
    part.flush()
    return os.fstat(part.fileno()).st_size


def _reason(error: BaseException) -> str:
    """Describe why a download failed: the server's status, or the innermost of the exceptions."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"{response.status_code} {response.reason}"
    while error.__context__ is not None:
        error = error.__context__
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _digest(path: Path, published: PublishedFile) -> str:
    """Compute a file's digest, of the kind that its publisher states: "sha256:..."."""
    kind = published.digest.partition(":")[0]
    return f"{kind}:{file_digest(path, kind)}"


def _mismatch(found: str, published: PublishedFile) -> str:
    return (
        f"its digest is {found}, and its publisher states {published.digest} ({published.source})"
    )
