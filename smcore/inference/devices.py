"""Which device computes, and how much memory it has left."""

from __future__ import annotations

import psutil  # type: ignore[import-untyped,unused-ignore]

from smcore.errors import ModelError

DEVICES = ("auto", "cpu", "cuda")


def choose_device(wanted: str) -> str:
    """Turn ``auto``, ``cpu`` or ``cuda`` into the device to use; ``auto`` takes CUDA where there is one.

    Raises
    ------
    ModelError
        If the device is unknown, or CUDA is asked for and is not there.
    """
    import torch

    if wanted not in DEVICES:
        raise ModelError(f"There is no device {wanted!r}", hint=f"choose one of: {', '.join(DEVICES)}")
    has_cuda = torch.cuda.is_available()
    if wanted == "cuda" and not has_cuda:
        raise ModelError("There is no CUDA device on this machine", hint="use --device auto or cpu")
    return "cuda" if has_cuda and wanted != "cpu" else "cpu"


def free_memory(device: str) -> int:
    """Bytes that are free on the device."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the device or the machine has no memory left."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "not enough memory" in str(error).lower()
