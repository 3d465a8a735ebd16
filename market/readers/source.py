"""A vendor's file as text, read block by block, so that memory does not grow with it."""

import codecs
import gzip
import hashlib
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from market.errors import FileRefused, NotAFile

BLOCK_BYTES = 2 << 20  # larger ones are no faster, and blocks of 16 MiB take 220 MiB more of memory
HEAD_BYTES = 64 << 10
MOST_BLANK = 50_000  # threes of blank lines in a block
LONGEST_LINE = 32 << 20  # a depth snapshot is one line of some 100 kB
LARGEST_UNPACKED = 8 << 30  # a day of every trade on the exchange is some 1 GiB

# What the standard library raises where a packed file is damaged.
DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
    NotImplementedError, RuntimeError, EOFError, OSError, ValueError,
)  # fmt: skip

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_UTF8_MARK, _UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Block:
    """Whole lines of a file.

    Parameters
    ----------
    text : bytes
        UTF-8, every line ended by one line feed, without carriage returns.
    first_line : int
        Number of its first line in the file, from 1.
    """

    text: bytes
    first_line: int


@dataclass(frozen=True)
class Source:
    """A file that was found readable.

    Parameters
    ----------
    path : str
        As the user named it.
    size, modified_ns : int
        Bytes, and when they were last written, when it was found.
    head : str
        Its beginning as text, empty for a workbook; at most 64 KiB.
    workbook : bool
        Whether it is a zip container of an .xlsx workbook.
    block_bytes : int
        How much of it is read at a time.
    """

    path: str
    size: int
    modified_ns: int
    head: str
    workbook: bool
    block_bytes: int = BLOCK_BYTES

    @property
    def name(self) -> str:
        """File name without folders."""
        return Path(self.path).name

    @property
    def stem(self) -> str:
        """File name without folders and ending."""
        return Path(self.path).stem

    @cached_property
    def sha256(self) -> str:
        """Hash of its bytes, for which it is read once; raises FileRefused where they are no text."""
        digest = hashlib.sha256()
        with Path(self.path).open("rb") as file:
            nul = b"" if self.workbook else _nul(file.peek(4)[:4])
            while data := file.read(BLOCK_BYTES):
                if nul:
                    _refuse_nul(self.path, data, nul)
                digest.update(data)
        return digest.hexdigest()

    @cached_property
    def lines(self) -> list[str]:
        """The first lines that are not blank, without their ends."""
        return [line for line in self.head.split("\n") if line.strip()]

    @property
    def first_line(self) -> str:
        """The first line that is not blank; empty where there is none."""
        return self.lines[0] if self.lines else ""

    def blocks(self) -> Iterator[Block]:
        """Yield the file in blocks of whole lines.

        Raises
        ------
        FileRefused
            Where the file was cut, holds bytes that are no text, or a line without end.
        """
        rest, number = b"", 1
        for piece in self._pieces():
            text = rest + piece.replace(b"\r", b"")
            end = text.rfind(b"\n") + 1
            block, rest = text[:end], text[end:]
            if len(rest) > LONGEST_LINE:
                raise FileRefused(
                    self.path,
                    "lines of text",
                    f"none that ends within {LONGEST_LINE:,} bytes",
                    "export it again",
                    number,
                )
            if block.count(b"\n\n\n") > max(MOST_BLANK, block.count(b"\n") // 4):
                raise FileRefused(self.path, "rows", "hardly anything but blank lines", "export it again", number)
            if block:
                yield Block(_as_utf8(block), number)
                number += block.count(b"\n")
        if rest.strip():
            raise FileRefused(
                self.path,
                "a line end after the last row",
                "none: the file was cut, perhaps inside a number",
                "export it again; where you know the row is whole, add a line break at the end of the file",
                number,
            )

    def quote(self, numbers: Sequence[int]) -> list[str]:
        """Return the text of some lines, counted from 1 and given in ascending order; reads the file again."""
        texts: list[str] = []
        for block in self.blocks() if numbers else ():
            ends = np.flatnonzero(np.frombuffer(block.text, dtype=np.uint8) == ord("\n"))
            while len(texts) < len(numbers) and (k := numbers[len(texts)] - block.first_line) < ends.size:
                texts.append(block.text[int(ends[k - 1]) + 1 if k else 0 : int(ends[k])].decode("utf-8"))
            if len(texts) == len(numbers):
                break
        return texts

    def refuse_changed(self) -> None:
        """Raise FileRefused where the file was written since it was found: its hash would not be that of its rows."""
        try:
            now = Path(self.path).stat()
            same = (now.st_size, now.st_mtime_ns) == (self.size, self.modified_ns)
        except OSError:
            same = False
        if not same:
            raise FileRefused(
                self.path,
                "a file that stays as it is while it is read",
                "that it changed while it was read",
                "import it again",
            )

    def _pieces(self) -> Iterator[bytes]:
        with open_binary(Path(self.path)) as file:
            yield from _pieces(self.path, file, self.block_bytes)


def open_source(path: Path) -> Source:
    """Look at the beginning of a file.

    Raises
    ------
    NotAFile
        Where the path names none that can be read.
    FileRefused
        Where it is empty, or no text.
    """
    try:
        if path.is_dir():
            raise NotAFile(str(path), "a file", "a folder", "name the files in it, or give --recursive")
        if path.exists() and not path.is_file():
            raise NotAFile(str(path), "a file", "a pipe or a device", "save what it tells as a file")
        with path.open("rb") as file:
            return _look(str(path), file.read(4), path.stat())
    except FileNotFoundError:
        raise NotAFile(str(path), "a file", "nothing there", "check the path") from None
    except PermissionError:
        raise NotAFile(
            str(path), "a file this user may read", "no permission to read it", "change its permissions or copy it"
        ) from None
    except OSError as error:
        raise NotAFile(str(path), "a file that can be read", error.strerror or "none", "check the path") from None


def open_binary(path: Path) -> BinaryIO:
    """Open a file for reading, unpacked where it is gzip or a zip of one file; raises FileRefused for another zip."""
    with path.open("rb") as file:
        start = file.read(4)
    if start == _ZIP:
        return _open_member(path)
    return cast(BinaryIO, gzip.open(path, "rb")) if start.startswith(_GZIP) else path.open("rb")


def _open_member(path: Path) -> BinaryIO:
    """Open the one file in a zip; what is read of it never exceeds the size the zip declares."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) != 1 or members[0].file_size > LARGEST_UNPACKED:
                sizes = sum(member.file_size for member in members)
                raise FileRefused(
                    str(path),
                    f"a zip of one file of at most {LARGEST_UNPACKED:,} bytes",
                    f"{len(members)} with {sizes:,}",
                    "unpack it and name the files",
                )
            return cast(BinaryIO, archive.open(members[0]))
    except DAMAGED as error:
        raise FileRefused(
            str(path), "a zip that can be unpacked", f"one that cannot ({error})", "fetch it again, or unpack it"
        ) from None


def _is_workbook(path: str) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except DAMAGED:
        return False


def _look(path: str, start: bytes, stat: os.stat_result) -> Source:
    size, modified_ns = stat.st_size, stat.st_mtime_ns
    if start == _ZIP and _is_workbook(path):
        return Source(path, size, modified_ns, "", workbook=True)
    head = _head(path)
    if not head.strip():
        raise FileRefused(path, "rows of market data", "an empty file", "export it again")
    return Source(path, size, modified_ns, head, workbook=False)


def _nul(start: bytes) -> bytes:
    """Return what no text that begins like this holds; nothing where it is packed."""
    if start.startswith((_GZIP, _ZIP)):
        return b""
    # Of three zero bytes in UTF-16 two are one character.
    return b"\0\0\0" if start.startswith(_UTF16_MARKS) else b"\0"


def _refuse_nul(path: str, data: bytes, nul: bytes = b"\0") -> None:
    if nul in data:
        raise FileRefused(path, "text", "bytes that are none (NUL)", "name a text export, a gzip or an .xlsx file")


def _head(path: str) -> str:
    with open_binary(Path(path)) as file:
        first = next(_pieces(path, file, HEAD_BYTES), b"").replace(b"\r", b"")
    whole_lines = first[: first.rfind(b"\n") + 1] or first
    return _as_utf8(whole_lines).decode("utf-8")


def _pieces(path: str, file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield what a text file holds, piece by piece, UTF-16 as UTF-8; raises FileRefused where it is no text."""
    first = _read(path, file, size)
    if first.startswith(_UTF16_MARKS):
        yield from _utf16_pieces(path, file, first, size)
        return
    piece = first.removeprefix(_UTF8_MARK)
    while piece:
        _refuse_nul(path, piece)
        yield piece
        piece = _read(path, file, size)


def _utf16_pieces(path: str, file: BinaryIO, first: bytes, size: int) -> Iterator[bytes]:
    decoder, piece = codecs.getincrementaldecoder("utf-16")(), first
    try:
        while piece:
            text = decoder.decode(piece).encode("utf-8")
            _refuse_nul(path, text)
            yield text
            piece = _read(path, file, size)
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise FileRefused(path, "UTF-16 text", "bytes that are none, or half a character", "export it again") from None


def _read(path: str, file: BinaryIO, size: int) -> bytes:
    try:
        return file.read(size)
    except DAMAGED as error:
        raise FileRefused(
            path, "a file that can be read to its end", f"one that cannot ({error})", "fetch or export it again"
        ) from None


def _as_utf8(data: bytes) -> bytes:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1").encode("utf-8")
    return data
