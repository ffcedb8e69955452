"""Links between pages lead somewhere, and every page can be reached."""

from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.pages import ROOT, headings, links, name_of, pages


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_relative_link_and_image_exists(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            assert link.startswith(("https://", "http://localhost")), link
            continue
        target, _, anchor = unquote(link).partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{name_of(page)} links to {link}"
        assert path.is_relative_to(ROOT), f"{name_of(page)} links outside the project: {link}"
        if anchor and path.suffix == ".md":
            assert anchor in headings(path), f"{name_of(page)} links to {link}"


def test_every_page_of_the_manual_is_linked_from_its_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    manual = {page.resolve() for page in (ROOT / "docs").rglob("*.md")} - {index.resolve()}
    assert sorted(name_of(page) for page in manual - linked) == []


def test_the_readme_leads_to_the_manual() -> None:
    assert "docs/index.md" in links(ROOT / "README.md")
