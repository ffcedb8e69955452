"""environment.yml, the lock and pyproject.toml name the same packages."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CONDA_NAMES = {
    "torch": "pytorch",
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
    "xgboost-cpu": "py-xgboost-cpu",
}


def declared(extra: str | None = None) -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    items = project["optional-dependencies"][extra] if extra else project["dependencies"]
    pairs = (re.match(r"([A-Za-z0-9_.-]+)(.*)", item).groups() for item in items)
    return {name.lower(): version.replace(" ", "") for name, version in pairs}


def locked(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text().split()
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", line) for line in lines), "name==version lines only"
    return dict(line.lower().split("==") for line in lines)


def test_conda_environment_has_every_dependency_with_the_same_bound():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = [item for item in environment["dependencies"] if isinstance(item, str)]
    pip = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    found = dict(re.match(r"([A-Za-z0-9_.-]+)(.*)", item).groups() for item in [*conda, *pip])
    for name, version in (declared() | declared("test")).items():
        wanted = CONDA_NAMES.get(name, name)
        assert found.get(wanted) == version, f"{wanted}{version} is not in environment.yml"


def test_the_lock_satisfies_every_declaration():
    from packaging.specifiers import SpecifierSet

    pins = locked("requirements.lock")
    for name, version in declared().items():
        assert name in pins, name
        assert SpecifierSet(version).contains(pins[name]), name


def test_the_development_lock_satisfies_tests_and_lint():
    from packaging.specifiers import SpecifierSet

    pins = locked("requirements.lock") | locked("requirements-dev.lock")
    for extra in ("test", "lint"):
        for name, version in declared(extra).items():
            assert SpecifierSet(version).contains(pins[name.lower()]), name


def test_torch_is_pinned_exactly():
    assert declared()["torch"] == "==2.13.0"
    assert locked("requirements.lock")["torch"] == "2.13.0"
