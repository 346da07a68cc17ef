"""The documentation site: it builds without a warning, has every public name, and loads nothing from other servers."""

from __future__ import annotations

import html
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sphinx.util.inventory import InventoryFile

import camaug
import camaug.callbacks
from camaug._cli.commands import COMMANDS
from camaug.augmentation.recipes import as_recipe, list_recipes
from camaug.explainers import explainer_class, list_explainers
from tests.chromium import INSTALL, find_chromium

ROOT = Path(__file__).parents[1]
INTERNAL = {"camaug.explainers.methods"}  # its one function is camaug.explainers' own
LOADED = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=\"([^\"]+)\"")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the built site."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, str(ROOT / "docs/site/build.py"), str(folder)]
    built = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="module")
def documented(site):
    """Return the dotted paths that the reference documents, and the pages that they are on."""
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="").data
    return {
        name: item.uri.partition("#")[0]
        for role, items in inventory.items()
        if role.startswith("py:")
        for name, item in items.items()
    }


def public_packages() -> list[str]:
    """Return the packages whose ``__init__`` lists public names."""
    found = [module.name for module in pkgutil.walk_packages(camaug.__path__, "camaug.") if module.ispkg]
    names = ["camaug", "camaug.callbacks", "camaug.datamodules", *found]
    packages = [importlib.import_module(name) for name in names if "._" not in name and name not in INTERNAL]
    return sorted({package.__name__ for package in packages if getattr(package, "__all__", None)})


def public_values() -> dict[str, object]:
    """Return every public class, function and constant by the path it is imported from."""
    paths = {
        f"{package}.{name}": getattr(importlib.import_module(package), name)
        for package in public_packages()
        for name in importlib.import_module(package).__all__
        if not name.startswith("_")
    }
    registered = [explainer_class(name) for name in list_explainers()] + [type(as_recipe(n)) for n in list_recipes()]
    return paths | {f"{value.__module__}.{value.__name__}": value for value in registered}


def test_the_public_packages_are_those_that_users_import_from():
    assert {"camaug", "camaug.callbacks", "camaug.datamodules", "camaug.explainers", "camaug.metrics"} <= set(
        public_packages()
    )
    assert {"camaug.explain", "camaug.metrics.Drift", "camaug.explainers.GradCAM"} <= set(public_values())


@pytest.mark.slow  # a build takes half a minute
def test_a_notebook_is_a_page_of_its_text_and_its_code(site):
    page = (site / "repository/examples/finetune.ipynb.html").read_text(encoding="utf-8")
    text = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert re.search(r"<h2>1\. Explain a photo", page)
    assert "explained = explain(network, PHOTO)" in text
    assert "%tensorboard --logdir runs" in text
    assert "cell_type" not in text


def test_every_public_name_is_on_a_page_of_the_reference(documented):
    values = [value_of(path) for path, page in documented.items() if page.startswith("reference/")]
    missing = [path for path, value in public_values().items() if not any(value is each for each in values)]
    assert not missing, f"add {missing} to docs/site/reference.py"


def value_of(path: str) -> object:
    """Return the object of a dotted path, None for a member of a class."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError:
        return None


@pytest.mark.slow  # a build takes half a minute
def test_the_reference_has_what_a_class_and_a_function_say_of_themselves(site):
    text = (site / "reference/callbacks.html").read_text(encoding="utf-8")
    assert inspect.getdoc(camaug.callbacks.CamLogger).splitlines()[0] in text
    assert "num_images" in text
    assert not re.search(r":(?:class|func|meth|attr|mod):", re.sub(r"<[^>]+>", "", text))


@pytest.mark.slow  # a build takes half a minute
def test_the_reference_has_every_command_with_its_arguments(site):
    text = html.unescape(re.sub(r"<[^>]+>", "", (site / "reference/commands.html").read_text(encoding="utf-8")))
    for name, command in COMMANDS.items():
        assert command.summary in text.replace("’", "'"), name
    assert all(f"{words} " in text for words in ("--still N", "--checkpoint RUN", "camaug price --help"))


@pytest.mark.slow  # a build takes half a minute
def test_the_first_page_leads_to_the_reference(site):
    text = (site / "index.html").read_text(encoding="utf-8")
    main = text.partition("<article")[2].partition("</article>")[0]
    assert len(set(re.findall(r'href="(reference/\w+\.html)"', main))) == len(list((site / "reference").glob("*.html")))


@pytest.mark.slow  # a build takes half a minute
def test_every_page_of_docs_is_in_the_navigation(site):
    start = (site / "index.html").read_text(encoding="utf-8")
    for path in (ROOT / "docs").rglob("*.md"):
        page = path.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert (site / page).is_file()
        assert page == "index.html" or f'href="{page}"' in start, page


@pytest.mark.slow  # a build takes half a minute
def test_pages_load_nothing_from_other_servers(site):
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        loaded = [target for target in LOADED.findall(text) if re.match(r"(?:https?:)?//", target)]
        assert loaded == [], path
    for path in (site / "_static").rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//|@import", path.read_text(encoding="utf-8")), path


@pytest.mark.skipif(find_chromium() is None, reason=f"no Chromium: {INSTALL}")
@pytest.mark.slow  # a build takes half a minute
def test_the_search_finds_a_class_in_pages_opened_from_disk(site, browser):
    from playwright.sync_api import expect

    requests, errors = [], []
    with browser.new_page() as page:
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((site / "index.html").as_uri())
        page.get_by_placeholder("Search").fill("CamLogger")
        page.get_by_placeholder("Search").press("Enter")
        result = page.locator("#search-results").get_by_role("link", name="camaug.callbacks.CamLogger").first
        expect(result).to_be_visible(timeout=60_000)
    assert errors == []
    assert all(url.startswith(("file:", "data:")) for url in requests), requests
