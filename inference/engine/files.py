"""Files that commands read and write, where whoever typed the command wants them. What fails is an EngineError."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from inference.contracts import EngineError, Failure


def photo(path: Path) -> Image.Image:
    """The photograph in a file, not yet decoded."""
    try:
        return Image.open(path)
    except (OSError, Image.DecompressionBombError) as error:
        raise EngineError(Failure.IMAGE_UNREADABLE, reason=str(error)) from error


def folder(path: Path) -> Path:
    """The folder, made where it is missing: before long work, so that nothing is computed for nothing."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def write(path: Path, content: bytes) -> None:
    """Writes a file into a folder that is there, over whatever had its name."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> EngineError:
    return EngineError(Failure.FOLDER_UNWRITABLE, folder=str(path), reason=error.strerror or str(error))
