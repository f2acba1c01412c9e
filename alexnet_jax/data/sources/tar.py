"""Members of a tar archive, found by its headers without unpacking."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from typing import BinaryIO

from alexnet_jax.errors import InputError

_MOST_HEADER = 2**16  # bytes of a tar's extended header


def members(
    file: BinaryIO,
    start: int,
    stop: int,
    where: str,
    most: int | None = None,
    *,
    folders: bool = False,
) -> Iterator[tuple[tarfile.TarInfo, int]]:
    """Yield the plain files of the tar in bytes [start, stop), with the offsets of their bytes.

    Only headers are read and nothing is unpacked. The entry "./" and the beginning "./" of names,
    which `tar cf FILE .` writes, are left out.

    Args:
      file: a file that contains the archive.
      start, stop: where it begins and ends.
      where: name of the archive in messages.
      most: largest number of bytes of a member; by default as many as the archive has.
      folders: whether members may lie in folders, whose entries are left out.

    Raises:
      InputError: the archive is broken, or a member is not a plain file, claims more bytes than
        the archive has or than `most`, or has a name that occurred before.
    """
    seen: set[str] = set()
    try:
        with tarfile.open(fileobj=_Section(file, start, stop), mode="r:") as archive:
            for member in archive:
                member.name = re.sub(r"^(\./+)+", "", member.name)
                if member.isdir() and (folders or member.name in ("", ".")):
                    continue
                if not member.isreg() or member.issparse():
                    raise InputError(f"{where}: {member.name!r} is not a plain file")
                offset = start + member.offset_data
                if member.size < 0 or offset + member.size > stop:
                    raise InputError(
                        f"{where}: {member.name!r} claims {member.size:,} bytes, more than there "
                        "are; is the archive cut short?"
                    )
                if most is not None and member.size > most:
                    raise InputError(
                        f"{where}: {member.name!r} claims {member.size:,} bytes; a file in it has "
                        f"at most {most:,}"
                    )
                if member.name in seen:
                    raise InputError(f"{where}: {member.name!r} is there twice")
                seen.add(member.name)
                yield member, offset
    except tarfile.TarError as error:
        raise InputError(f"{where} is not a whole tar archive: {error}") from None


class _Section(io.RawIOBase):
    """Part of a file as a file of its own; a read is limited to the size of a header."""

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        self._file, self._start, self._stop, self._position = file, start, stop, start

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position - self._start

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        bases = {io.SEEK_SET: self._start, io.SEEK_CUR: self._position, io.SEEK_END: self._stop}
        self._position = bases[whence] + offset
        return self.tell()

    def read(self, size: int = -1) -> bytes:
        count = max(0, self._stop - self._position) if size < 0 else size
        if count > _MOST_HEADER:
            raise tarfile.ReadError(f"a header claims {count:,} bytes")
        self._file.seek(self._position)
        data = self._file.read(max(0, min(count, self._stop - self._position)))
        self._position += len(data)
        return data
