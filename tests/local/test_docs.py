"""The documentation site builds without a warning, from what is here alone, and shows what is here."""

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

import constructs_emrs
from tests.examples import EXAMPLES, NAMES

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"

# Whatever the build wanted to fetch, it would fail.
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, **NO_NETWORK, "NO_MKDOCS_2_WARNING": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


class Fetched(HTMLParser):
    """What a browser fetches for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses in scripts, images and links to style sheets and fonts."""
        values = dict(attrs)
        if tag in {"script", "img", "iframe", "source"} and values.get("src"):
            self.urls.append(str(values["src"]))
        if tag == "link" and values.get("rel") in {"stylesheet", "preload", "preconnect", "icon"}:
            self.urls.append(str(values["href"]))


def fetched(page: Path) -> list[str]:
    parser = Fetched()
    parser.feed(page.read_text())
    return parser.urls


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 10
    elsewhere = {url for page in pages for url in fetched(page) if re.match("(https?:)?//", url)}
    assert elsewhere == set()
    for style in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()[\s\"']*(https?:)?//", style.read_text()), style


def test_a_page_that_is_opened_as_a_file_finds_the_others_and_searches(site: Path) -> None:
    for page in site.rglob("*.html"):
        links = re.findall(r'<a [^>]*href="([^"#:]+)[#"]', page.read_text())
        if page.name != "404.html":  # a server's page, with links from the root
            assert [link for link in links if not page.parent.joinpath(link).is_file()] == [], page
    assert (site / "search" / "search_index.js").is_file()
    assert any("iframe-worker" in url for url in fetched(site / "constructs" / "jobs.html"))


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    reference = (site / "api.html").read_text()
    names = set(constructs_emrs.__all__) - {"__version__"}
    assert {name for name in names if f'id="constructs_emrs.{name}"' not in reference} == set()


def test_every_public_method_and_attribute_has_a_docstring(site: Path) -> None:
    reference = (site / "api.html").read_text()
    classes = {name: value for name, value in vars(constructs_emrs).items() if inspect.isclass(value)}
    members = {
        f"constructs_emrs.{name}.{member}"
        for name in classes.keys() & set(constructs_emrs.__all__)
        for member in vars(classes[name])
        if not member.startswith("_") and member.islower() and callable(getattr(classes[name], member))
    }
    assert {member for member in members if f'id="{member}"' not in reference} == set()


@pytest.mark.parametrize("name", ["SparkJob", "HiveJob"])
def test_the_reference_lists_the_options_of_all_jobs_with_those_of_each(site: Path, name: str) -> None:
    _, _, section = (site / "api.html").read_text().partition(f'id="constructs_emrs.{name}"')
    section = section.partition("<h3")[0]
    arguments = inspect.signature(getattr(constructs_emrs, name).__init__).parameters.keys() - {"self"}
    assert {name for name in arguments if not re.search(rf"<code>{name}</code>", section)} == set()


def snippets() -> Iterator[str]:
    for page in DOCS.rglob("*.md"):
        yield from re.findall(r'--8<-- "([^":]+)', page.read_text())


def test_every_example_is_shown_whole() -> None:
    shown = set(snippets())
    for name in NAMES:
        files = {file for file in EXAMPLES.joinpath(name).iterdir() if file.suffix in {".py", ".sql", ".java"}}
        assert {str(file.relative_to(ROOT)) for file in files} <= shown


def test_no_marker_of_a_snippet_is_shown(site: Path) -> None:
    assert [str(page) for page in site.rglob("*.html") if "8&lt;--" in page.read_text()] == []
