"""How long a classic NetCDF file must be, from its header.

The NetCDF library reads zeros behind the end of a classic file that was cut short, and says nothing. HDF5 files tell
by themselves.

References
----------
NetCDF Users Guide, appendix B: the classic format, the 64-bit offset format and the 64-bit data format (CDF-1, -2, -5).
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import BinaryIO, Final

MAGIC: Final = b"CDF"
_TYPE_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
_STREAMING: Final = (2**32 - 1, 2**64 - 1)  # number of records not written down


def is_complete(path: Path) -> bool:
    """Whether a classic NetCDF file has all bytes that its header declares; a header that ends early has not."""
    try:
        with path.open("rb") as file:
            needed = _Header(file).declared_size()
    except (struct.error, KeyError, IndexError):
        return False
    return path.stat().st_size >= needed


class _Header:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        version = file.read(4)[3]
        self._count = ">Q" if version == 5 else ">I"
        self._offset = ">I" if version == 1 else ">Q"

    def declared_size(self) -> int:
        records = self._number(self._count)
        lengths = self._dimensions()
        self._skip_attributes()
        fixed_end, first_records, slabs = 0, [], []
        for _ in range(self._list_length()):
            shape, size, begin = self._variable(lengths)
            if shape and shape[0] == 0:  # the record dimension is declared with length 0
                first_records.append(begin)
                slabs.append(math.prod(shape[1:]) * size)
            else:
                fixed_end = max(fixed_end, begin + math.prod(shape) * size)
        if not slabs or records == 0 or records in _STREAMING:
            return fixed_end
        padded = slabs if len(slabs) == 1 else [_padded(slab) for slab in slabs]
        last = max(begin + slab for begin, slab in zip(first_records, slabs, strict=True))
        return max(fixed_end, last + (records - 1) * sum(padded))

    def _number(self, form: str) -> int:
        return int(struct.unpack(form, self._file.read(struct.calcsize(form)))[0])

    def _list_length(self) -> int:
        self._number(">I")  # the tag; 0 if the list is absent, and then its length is 0 too
        return self._number(self._count)

    def _skip(self, length: int) -> None:
        self._file.seek(_padded(length), 1)

    def _dimensions(self) -> list[int]:
        lengths = []
        for _ in range(self._list_length()):
            self._skip(self._number(self._count))
            lengths.append(self._number(self._count))
        return lengths

    def _skip_attributes(self) -> None:
        for _ in range(self._list_length()):
            self._skip(self._number(self._count))
            size = _TYPE_SIZES[self._number(">I")]
            self._skip(self._number(self._count) * size)

    def _variable(self, lengths: list[int]) -> tuple[list[int], int, int]:
        """Shape, bytes of one number and place of the first one."""
        self._skip(self._number(self._count))
        shape = [lengths[self._number(self._count)] for _ in range(self._number(self._count))]
        self._skip_attributes()
        size = _TYPE_SIZES[self._number(">I")]
        self._number(self._count)  # the size as stored, which overflows for large variables
        return shape, size, self._number(self._offset)


def _padded(length: int) -> int:
    return -(-length // 4) * 4
