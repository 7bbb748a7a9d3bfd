"""Pictures in train/<class>/* and test/<class>/*, as a folder or one tar archive. Decoded once, then cached."""

from __future__ import annotations

import hashlib
import io
import lzma
import sys
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any

import torch
from filelock import FileLock
from torch import Tensor
from tqdm import tqdm

from experiments.errors import UserError
from experiments.families.images.data.images import ImageData
from experiments.files import write_atomic

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".ppm", ".tif", ".tiff"}
UNREADABLE = (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError)  # what a damaged archive raises


def read_image_folder(folder: Path, size: int, cache_dir: Path) -> ImageData:
    """RGB images [3, size, size], classes numbered in alphabetical order of their folders.

    The cache is keyed by the names, sizes and times of the files, so changed pictures are decoded again.
    Raises UserError naming the folder, class or picture at fault.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder}: no such folder; dataset.folder lies below data_dir (GEM_DATA) and holds train/<class>/* and "
            f"test/<class>/*, or one .tar archive of them"
        )
    archive = next(iter(sorted(folder.glob("*.tar*"))), None)
    cache = cache_dir / f"{folder.name}-{size}-{stamp(folder, archive)}.pt"
    with ExitStack() as stack:
        with suppress(OSError):  # if there is no place for a lock, there is none for a cache: ``store`` warns
            cache.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(cache.with_suffix(".lock")))  # of many jobs started at once, one decodes
        data = read_cache(cache)
        if data is None:
            data = decode(folder, archive, size)
            store(cache, data)
        return data


def read_cache(cache: Path) -> ImageData | None:
    """The cached images, or None if the file is missing or incomplete."""
    if not cache.exists():
        return None
    try:
        stored = torch.load(cache, weights_only=True)
        data = ImageData(**stored["data"])
        if data.fingerprint() == stored["fingerprint"]:
            return data
    except Exception:  # torch.load raises many types for a damaged file
        pass
    print(f"warning: {cache} is damaged; decoding the images again", file=sys.stderr)
    return None


def stamp(folder: Path, archive: Path | None) -> str:
    digest = hashlib.sha256()
    for path in [archive] if archive else sorted(path for path in folder.rglob("*") if path.is_file()):
        state = path.stat()
        digest.update(f"{path.relative_to(folder)} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def store(cache: Path, data: ImageData) -> None:
    buffer = io.BytesIO()
    torch.save({"data": vars(data), "fingerprint": data.fingerprint()}, buffer)
    try:
        write_atomic(cache, buffer.getvalue())
    except OSError as error:
        print(f"warning: cannot cache the decoded images in {cache}: {error.strerror}", file=sys.stderr)


def decode(folder: Path, archive: Path | None, size: int) -> ImageData:
    splits: dict[str, dict[str, list[tuple[str, Tensor]]]] = {"train": {}, "test": {}}
    for name, file in tqdm(entries(folder, archive), desc=f"decoding {folder.name}", disable=not sys.stderr.isatty()):
        split, label, picture = PurePosixPath(name).parts[-3:]
        if split in splits:
            image = decode_one(f"{archive or folder}: {name}", file, size)
            splits[split].setdefault(label, []).append((picture, image))
    for empty in [] if archive else empty_classes(folder):
        raise UserError(f"{empty}: a class without a picture; put some there, or remove the folder")
    labels = sorted(splits["train"])
    for split, classes in splits.items():
        if sorted(classes) != labels or not labels:
            raise UserError(
                f"{folder}: {split}/ has classes {sorted(classes) or 'none'}, train/ has {labels or 'none'}"
            )
    (train_x, train_y), (test_x, test_y) = (stack(splits[split], labels) for split in ("train", "test"))
    return ImageData(train_x, train_y, test_x, test_y, classes=len(labels))


def entries(folder: Path, archive: Path | None) -> Iterator[tuple[str, IO[bytes]]]:
    """(split/class/name, open file) of every picture."""
    if archive:
        try:
            with tarfile.open(archive) as tar:
                for member in tar:
                    if member.isfile() and is_picture(member.name):
                        file = tar.extractfile(member)
                        assert file is not None
                        yield member.name, file
                assert tar.fileobj is not None
                if tar.fileobj.tell() < tar.offset + tarfile.BLOCKSIZE:  # tarfile would take this for the end
                    raise tarfile.ReadError("it is cut off: no end-of-archive mark")
        except UNREADABLE as error:
            raise UserError(f"{archive}: cannot be read ({error})") from error
        return
    for path in sorted(folder.rglob("*")):
        if path.is_file() and is_picture(str(path.relative_to(folder))):
            with open(path, "rb") as file:
                yield path.relative_to(folder).as_posix(), file


def empty_classes(folder: Path) -> list[Path]:
    """The class folders without a picture."""
    classes = [path for split in ("train", "test") for path in sorted((folder / split).glob("*")) if path.is_dir()]
    return [path for path in classes if not any(file.suffix.lower() in SUFFIXES for file in path.rglob("*"))]


def is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and len(path.parts) >= 3


def decode_one(where: str, file: IO[bytes], size: int) -> Tensor:
    import numpy
    from PIL import Image

    try:
        opened = Image.open(file)
        if opened.mode.startswith(("I", "F")):
            raise ValueError(f"more than 8 bits a channel, mode {opened.mode}; convert it to 8 bits")
        picture: Any = opened.convert("RGB")
    except (*UNREADABLE, SyntaxError, ValueError) as error:  # SyntaxError from damaged PNG files
        raise UserError(f"{where}: not a readable picture ({error})") from error
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    return torch.from_numpy(numpy.array(picture)).permute(2, 0, 1)


def stack(classes: dict[str, list[tuple[str, Tensor]]], labels: list[str]) -> tuple[Tensor, Tensor]:
    ordered = [(image, index) for index, label in enumerate(labels) for _, image in sorted(classes[label], key=first)]
    return torch.stack([image for image, _ in ordered]), torch.tensor([index for _, index in ordered])


def first(pair: tuple[str, Tensor]) -> str:
    return pair[0]
