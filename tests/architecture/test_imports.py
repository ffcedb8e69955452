"""The dependency rule: smcore knows no user interface, models see no xarray, and importing loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BANNED_NAMES = {"utils", "helpers", "common", "manager", "misc", "types"}
ALLOWED = {
    "torch": ("smcore/models", "smcore/training", "smcore/inference", "app/commands/doctor.py"),
    "panel": ("app",),
    "param": ("app",),
    "bokeh": ("app",),
    "holoviews": ("smcore/figures", "app"),
    "geoviews": ("smcore/figures", "app"),
    "datashader": ("smcore/figures", "app"),
    "matplotlib": ("smcore/figures",),
    "app": ("app",),
}
NO_PANEL = {
    "app/selection.py",
    "app/settings.py",
    "app/url.py",
    "app/store.py",
    "app/validation/station_store.py",
    "app/jobs.py",
}


def modules():
    return [p for folder in ("smcore", "app") for p in sorted((ROOT / folder).rglob("*.py"))]


def imports(path: Path, *, top_level: bool = False):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def within(path: Path, places) -> bool:
    name = path.relative_to(ROOT).as_posix()
    return any(name == place or name.startswith(place + "/") for place in places)


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_module_imports_only_what_its_place_allows(path):
    for name in imports(path):
        root = name.split(".")[0]
        if root in ALLOWED:
            assert within(path, ALLOWED[root]), f"{path.relative_to(ROOT)} imports {name}"
        if root == "xarray":
            assert not within(path, ("smcore/models",)), f"{path.relative_to(ROOT)} imports xarray"
        if root == "panel":
            assert path.relative_to(ROOT).as_posix() not in NO_PANEL, f"{path} imports panel"


def test_relative_imports_are_not_used():
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), path


def test_no_file_is_named_after_nothing():
    assert [p for p in modules() if p.stem.strip("_") in BANNED_NAMES] == []


def test_importing_the_library_and_listing_plugins_loads_nothing_heavy():
    code = (
        "import sys, smcore, smcore.catalog, smcore.grids, app.cli\n"
        "from smcore import plugins\n"
        "plugins.names('smcore.models'); plugins.names('smcore.cubes.readers')\n"
        "heavy = {'torch', 'numba', 'panel', 'bokeh', 'matplotlib', 'xarray', 'sklearn', 'intake', 'dask'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


def test_no_machine_path_or_shared_folder_is_named_in_the_code():
    for path in [*modules(), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]:
        text = path.read_text(encoding="utf-8")
        for word in (f"/{folder}/" for folder in ("work", "root", "tmp")):
            assert word not in text, f"{path} names {word}"
