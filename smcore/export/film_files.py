"""Frames into a file: GIF by pillow, frame by frame; MP4 through an ffmpeg that is on the machine.

A GIF has 256 colours: every second shade of the data (128), those beyond the range and of no value, and greys and a red
for lines and letters. So a colour of the map is at most half a shade off.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ExportError

Picture = NDArray[np.uint8]
KINDS: Final = ("gif", "mp4")
_GREYS: Final = 64
_PATIENCE_S: Final = 60


def ffmpeg() -> str:
    """Path of an ffmpeg: that of imageio-ffmpeg, else one on the search path; '' without one."""
    if find_spec("imageio_ffmpeg") is not None:
        from importlib import import_module

        try:
            return str(import_module("imageio_ffmpeg").get_ffmpeg_exe())
        except RuntimeError:  # the package without its program
            pass
    return shutil.which("ffmpeg") or ""


def check_kind(kind: str) -> None:
    """Refuse what can't be written here.

    Raises
    ------
    ExportError
        If the kind is unknown, or is MP4 and there is no ffmpeg.
    """
    if kind not in KINDS:
        raise ExportError(f"A film is written as {' or '.join(KINDS)}, not {kind!r}", hint="name the file film.gif")
    if kind == "mp4" and not ffmpeg():
        raise ExportError(
            "An MP4 needs ffmpeg, which is not on this machine", hint="install imageio-ffmpeg, or write a GIF"
        )


def encode(kind: str, path: Path, frames: Iterable[Picture], size: tuple[int, int], rate: int, colours: str) -> None:
    """Write frames (height, width, 3) as they come; one is in memory at a time."""
    if kind == "gif":
        with path.open("wb") as out:
            _gif(out, iter(frames), rate, colours)
    else:
        _mp4(path, iter(frames), size, rate)


def bytes_of(kind: str, frames: list[Picture], colours: str) -> int:
    """Bytes that some frames take; a video keeps about a sixth of what GIF needs (ours, measured)."""
    out = io.BytesIO()
    _gif(out, iter(frames), 5, colours)
    return len(out.getvalue()) // (1 if kind == "gif" else 6)


def verify(kind: str, path: Path, frames: int, size: tuple[int, int]) -> None:
    """Open what was written and count its frames.

    Raises
    ------
    ExportError
        If it is not whole.
    """
    if kind == "gif":
        from PIL import Image

        with Image.open(path) as film:
            whole = (getattr(film, "n_frames", 1), film.size) == (frames, size)
    else:
        with path.open("rb") as film:
            whole = path.stat().st_size > 1000 and film.read(12)[4:8] == b"ftyp"
    if not whole:
        raise ExportError("The film that was written is not whole", hint="nothing was kept; try again")


def palette(colours: str) -> Picture:
    """The 256 colours of a GIF (256, 3)."""
    from smcore.figures.film_stage import colour_table

    table = colour_table(colours)
    greys = np.linspace(0, 255, _GREYS).round().astype(np.uint8)
    own = np.concatenate([table[[0, 1, 255]], table[2:255:2], np.repeat(greys[:, None], 3, axis=1)])
    full = np.zeros((256, 3), np.uint8)
    full[: len(own)] = own
    return full


def _gif(out: IO[bytes], frames: Iterator[Picture], rate: int, colours: str) -> None:
    from PIL import GifImagePlugin, Image

    table = Image.new("P", (1, 1))
    table.putpalette(palette(colours).tobytes())
    index = _indexer(palette(colours))
    last: Picture | None = None
    for frame in frames:
        picture = index(frame)
        top, left, changed = _changed(last, picture)
        image = Image.fromarray(changed, "P")
        image.putpalette(palette(colours).tobytes())
        if last is None:
            for block in GifImagePlugin.getheader(image, info={"loop": 0, "version": b"89a"})[0]:
                out.write(block)
        for block in GifImagePlugin.getdata(
            image, (left, top), duration=round(1000 / rate), disposal=1, include_color_table=False
        ):
            out.write(block)
        last = picture
    out.write(b";")


def _indexer(table: Picture) -> Callable[[Picture], Picture]:
    """Nearest colour of a table for each pixel, looked up once for each colour that there is."""
    known: dict[int, int] = {}

    def index(frame: Picture) -> Picture:
        packed = (frame.astype(np.uint32) * np.array([65536, 256, 1], np.uint32)).sum(axis=2, dtype=np.uint32)
        found, inverse = np.unique(packed, return_inverse=True)
        fresh = np.array([colour for colour in found.tolist() if colour not in known], np.uint32)
        if len(fresh):
            parts = np.stack([fresh >> 16, fresh >> 8 & 255, fresh & 255], axis=1).astype(np.int32)
            off = ((parts[:, None, :] - table[None].astype(np.int32)) ** 2).sum(axis=2)
            known.update(zip(fresh.tolist(), off.argmin(axis=1).tolist(), strict=True))
        near = np.array([known[colour] for colour in found.tolist()], np.uint8)
        return near[inverse.reshape(packed.shape)]

    return index


def _changed(last: Picture | None, picture: Picture) -> tuple[int, int, Picture]:
    """The smallest rectangle that has all that changed: its top, its left, and its pixels."""
    if last is None:
        return 0, 0, picture
    rows, columns = (np.flatnonzero((last != picture).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return 0, 0, picture[:1, :1]
    return (
        int(rows[0]),
        int(columns[0]),
        np.ascontiguousarray(picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]),
    )


def _mp4(path: Path, frames: Iterator[Picture], size: tuple[int, int], rate: int) -> None:
    width, height = size
    command = [
        ffmpeg(), "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r",
        str(rate), "-i", "-", "-an", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18", "-movflags", "+faststart",
        str(path),
    ]  # fmt: skip
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - no shell, our words
    try:
        _feed(running, frames)
        said = running.communicate(timeout=_PATIENCE_S)[1]
    except BaseException:
        running.kill()
        running.communicate()
        raise
    if running.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise OSError(f"ffmpeg: {last[0]}")


def _feed(running: Any, frames: Iterator[Picture]) -> None:
    for frame in frames:
        try:
            running.stdin.write(np.ascontiguousarray(frame).tobytes())
        except BrokenPipeError:  # it has ended, and says why
            return
