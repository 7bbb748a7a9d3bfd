"""Files of tokens: a header line padded to 512 bytes, then uint16 tokens that are memory-mapped."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from experiments.errors import UserError
from experiments.files import write_atomic

HEADER = 512
FORMAT = "gem-tokens 1"


def write_shard(path: Path, tokens: NDArray[numpy.uint16], tokenizer: str, documents: int) -> None:
    """Write one shard. ``documents`` is the number of documents of the corpus that are done after it."""
    data = tokens.astype("<u2").tobytes()
    header = {
        "format": FORMAT,
        "tokenizer": tokenizer,
        "tokens": len(tokens),
        "documents": documents,
        "crc32": zlib.crc32(data),
    }
    write_atomic(path, json.dumps(header).encode().ljust(HEADER - 1) + b"\n" + data)


def read_header(path: Path) -> dict[str, Any]:
    """The header. Raises UserError for a file that is no shard, or whose length contradicts its header."""
    try:
        with open(path, "rb") as file:
            header: dict[str, Any] = json.loads(file.read(HEADER))
        if header["format"] != FORMAT:
            raise ValueError(header["format"])
        expected = HEADER + 2 * header["tokens"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a file of tokens ({error}); {again(path)}") from error
    if path.stat().st_size != expected:
        raise UserError(f"{path}: {path.stat().st_size} bytes where {expected} were written; {again(path)}")
    return header


def map_shard(path: Path, tokenizer: str) -> NDArray[numpy.uint16]:
    """The tokens, memory-mapped. Raises UserError for another tokenizer's shard or a wrong checksum.

    A correct checksum is not computed again until the file changes: ``<shard>.checked`` records it.
    """
    header = read_header(path)
    if header["tokenizer"] != tokenizer:
        raise UserError(
            f"{path}: written with another tokenizer ({header['tokenizer']}, this run has {tokenizer}); {again(path)}"
        )
    if header["tokens"] == 0:
        return numpy.zeros(0, numpy.uint16)
    tokens: NDArray[numpy.uint16] = numpy.memmap(path, "<u2", "r", HEADER)
    state = path.stat()
    stamp, checked = f"{header['crc32']} {state.st_size} {state.st_mtime_ns}\n", path.with_suffix(".checked")
    if not checked.exists() or checked.read_text() != stamp:
        if zlib.crc32(tokens.data) != header["crc32"]:
            raise UserError(f"{path}: its checksum differs; {again(path)}")
        write_atomic(checked, stamp.encode())
    return tokens


def again(path: Path) -> str:
    return f"remove {path.parent} and run scripts/prepare_data.py again"
