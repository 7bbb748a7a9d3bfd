"""The documents of a corpus, one after another, in a fixed order and with bounded memory."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from experiments.errors import UserError

OPENERS: dict[str, Any] = {".txt": open, ".tokens": open, ".xz": lzma.open, ".gz": gzip.open}
SUFFIXES = (".txt", ".txt.xz", ".txt.gz", ".tokens", ".tokens.xz", ".tokens.gz")
PIECE = 1 << 20  # bytes; a longer line is split into pieces
UNREADABLE = (lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError)


@dataclass(frozen=True)
class Piece:
    """A document, or the next piece of a very long one. ``split`` is train or validation."""

    text: str
    split: str
    last: bool  # whether the document ends here


class Corpus(Protocol):
    """A source of documents."""

    stamp: str  # changes when the documents do

    def pieces(self, skip: int) -> Iterator[Piece]:
        """All pieces after the first ``skip`` documents."""
        ...


def split_of(text: bytes, validation: float) -> str:
    """The split, by the hash of the text. So a document and its copies are in the same split in every corpus."""
    digest = hashlib.blake2b(text, digest_size=8).digest()
    return "validation" if int.from_bytes(digest, "big") < validation * 2**64 else "train"


class Files:
    """Text files below a folder, in alphabetical order, UTF-8, one document per line; also ``.xz`` and ``.gz``."""

    def __init__(self, folder: Path, validation: float) -> None:
        self.validation = validation
        self.paths = sorted(path for path in folder.rglob("*") if path.name.endswith(SUFFIXES) and path.is_file())
        if not self.paths:
            what = "holds no text file" if folder.is_dir() else "no such folder"
            raise UserError(
                f"{folder}: {what}; dataset.folder lies below data_dir (GEM_DATA) and holds files named "
                f"{', '.join('*' + suffix for suffix in SUFFIXES)} with one document a line"
            )
        digest = hashlib.sha256(repr(validation).encode())
        for path in self.paths:
            state = path.stat()
            digest.update(f"{path.relative_to(folder)} {state.st_size} {state.st_mtime_ns}\n".encode())
        self.stamp = digest.hexdigest()[:16]

    def pieces(self, skip: int) -> Iterator[Piece]:
        """Empty lines are no documents. Raises UserError naming the file, and the byte that is not UTF-8."""
        seen = 0
        for path in self.paths:
            try:
                with OPENERS[path.suffix](path, "rb") as file:
                    for data, offset, first, last in lines(file):
                        if first:
                            split = split_of(data, self.validation)
                        seen += last
                        if seen - last >= skip:
                            yield Piece(decode(data, path, offset), split, last)
            except UNREADABLE as error:
                raise UserError(f"{path}: cannot be unpacked ({error})") from error


def lines(file: IO[bytes]) -> Iterator[tuple[bytes, int, bool, bool]]:
    """(bytes without the line end, offset, first piece of its line, last piece) of every line that is not blank.

    A blank line longer than a piece counts as a document, because its end would have to be read first.
    """
    offset, first, rest = 0, True, b""
    while data := file.readline(PIECE):
        start, data = offset - len(rest), rest + data
        offset = start + len(data)
        last = data.endswith(b"\n") or len(data) < PIECE
        rest = b"" if last else cut_character(data)
        data = data[: len(data) - len(rest)]
        if not (first and last) or data.strip():
            yield data.rstrip(b"\r\n") if last else data, start, first, last
        first = last
    if not first:
        yield rest, offset - len(rest), False, True


def cut_character(data: bytes) -> bytes:
    """The incomplete UTF-8 character at the end of ``data``, which the next piece completes."""
    for length in range(1, min(4, len(data)) + 1):
        byte = data[-length]
        if byte >= 0xC0:
            needs = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return data[-length:] if needs > length else b""
        if byte < 0x80:
            return b""
    return b""


def decode(data: bytes, path: Path, offset: int) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not UTF-8 at byte {offset + error.start} (0x{data[error.start]:02x}); convert the file to UTF-8"
        ) from error
