"""Fetch the coastline data shipped in smcore/geodata from the npm package world-atlas 2.0.2.

Run it only to renew the files; they are committed. Needs `npm`. The package repackages Natural Earth
(public domain) as TopoJSON (ISC licence, Michael Bostock).
"""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "world-atlas@2.0.2"
FILES = ("land-50m", "land-110m", "countries-110m")
TARGET = Path(__file__).resolve().parents[1] / "smcore" / "geodata"


def fetch() -> bytes:
    """The package's tarball, as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return next(Path(folder).glob("world-atlas-*.tgz")).read_bytes()


def compress(content: bytes) -> bytes:
    """Gzip without a time stamp or name, so that the same content gives the same file."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=buffer, mode="wb", compresslevel=9, mtime=0) as stream:
        stream.write(content)
    return buffer.getvalue()


def main() -> None:
    """Write the three topologies and the licence into smcore/geodata."""
    with tarfile.open(fileobj=io.BytesIO(fetch())) as archive:
        for name in FILES:
            member = archive.extractfile(f"package/{name}.json")
            if member is None:
                raise SystemExit(f"{PACKAGE} holds no {name}.json")
            out = TARGET / f"{name.replace('-', '_')}.json.gz"
            out.write_bytes(compress(member.read()))
            print(out.name, out.stat().st_size, "bytes")
        licence = archive.extractfile("package/LICENSE")
        if licence is not None:
            (TARGET / "LICENCE-world-atlas.txt").write_bytes(licence.read())


if __name__ == "__main__":
    main()
