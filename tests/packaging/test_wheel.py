"""The wheel, installed in a fresh environment outside the checkout, brings all that Loam needs at run time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("app", "smcore", "catalogs")
BUILT = ("pyproject.toml", "README.md", "LICENSE")

pytestmark = pytest.mark.slow


def tracked() -> list[str]:
    """Files of the packages that git knows, or all of them where there is no git."""
    listed = subprocess.run(["git", "ls-files", *CODE], capture_output=True, text=True, cwd=ROOT, check=False)
    if listed.returncode == 0 and listed.stdout:
        return listed.stdout.splitlines()
    found = (path for folder in CODE for path in (ROOT / folder).rglob("*") if path.is_file())
    return [path.relative_to(ROOT).as_posix() for path in found if "__pycache__" not in path.parts]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources, so that nothing is left in the checkout."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in (*BUILT, *tracked()):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(out), str(source)], check=True, cwd=source)
    (made,) = out.glob("loam-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; the dependencies are those of the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    target = ["--target", str(site), "--quiet", "--no-index", "--no-deps", "--no-compile"]
    subprocess.run([sys.executable, "-m", "pip", "install", *target, str(wheel)], check=True)
    # A path file would also run the editable install's own, which leads back to the checkout: name the folder instead.
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return folder


def run(installed: Path, folder: Path, *arguments: str) -> dict[str, Any]:
    """What the installed command prints with ``--json``, in an empty folder with an empty home of its own."""
    python = installed / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "LOAM"))}
    env |= {"LOAM_HOME": str(folder / "home")}
    command = [str(python), "-m", "app", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}
    assert inside == set(tracked())


def test_the_wheel_carries_its_licence_its_readme_and_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
        commands = archive.read(metadata.replace("METADATA", "entry_points.txt")).decode()
    assert any(name.endswith("/LICENSE") for name in names)
    assert "License-Expression: BSD-3-Clause" in text
    assert "# Loam" in text
    assert "loam = app.cli:main" in commands


def test_the_installed_command_is_the_wheels_own_and_finds_nothing_wrong(installed: Path, tmp_path: Path) -> None:
    said = run(installed, tmp_path, "doctor")
    assert said["problems"] == []
    assert said["home"] == str(tmp_path / "home")
    python = installed / "bin" / "python"
    where = subprocess.run(
        [str(python), "-c", "import app, smcore, catalogs; print(app.__file__, smcore.__file__, catalogs.__file__)"],
        capture_output=True, text=True, cwd=tmp_path, check=True,
    ).stdout.split()  # fmt: skip
    assert all(Path(path).is_relative_to(installed) for path in where)


def test_packaged_catalogues_checkpoints_assets_and_coasts_travel(installed: Path, tmp_path: Path) -> None:
    said = run(installed, tmp_path, "catalog", "list")
    packaged = {path.name for path in (ROOT / "catalogs").glob("*.yml")}
    assert {Path(file).name for file in said["files"]} == packaged
    for entry in said["entries"]:
        assert Path(entry["location"]).is_relative_to(installed)
        assert Path(entry["location"]).exists(), entry["id"]
    code = (
        "from app.page.controls import stylesheet; from app.shell import _page\n"
        "from smcore.geodata import coastlines\n"
        "assert stylesheet() and 'Loam' in _page() and len(coastlines('50m')[0]) > 10_000"
    )
    python = installed / "bin" / "python"
    subprocess.run([str(python), "-c", code], cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == [], "looking at things makes no home"


def test_nothing_is_written_where_loam_is_installed(installed: Path, tmp_path: Path) -> None:
    def state() -> set[tuple[str, int]]:
        files = (path for folder in CODE for path in installed.rglob(f"site-packages/{folder}/**/*") if path.is_file())
        return {(path.as_posix(), path.stat().st_size) for path in files if "__pycache__" not in path.parts}

    before = state()
    run(installed, tmp_path, "catalog", "list")
    run(installed, tmp_path, "doctor")
    assert state() == before
