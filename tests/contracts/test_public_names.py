"""What is public is documented, and what is documented is public."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import labkit

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "reference" / "api"
PACKAGES = sorted(page.stem for page in PAGES.glob("labkit.*.md"))
# Programs and the cases of the labs, not a library; and what another page lists already.
PROGRAMS = {
    "labkit.server",
    "labkit.course.cases",
    "labkit.course.commands",
    "labkit.credentials",
    "labkit.data.faces",
    "labkit.data.formats",
    "labkit.data.signs",
    "labkit.exams",
    "labkit.metrics.evaluation",
}

_DIRECTIVE = re.compile(r"^\.\. (?:auto)?(?:class|function|data):: (\w+)$", re.MULTILINE)


def _all_modules():
    return [
        module.name
        for module in pkgutil.walk_packages(labkit.__path__, "labkit.")
        if not module.name.rpartition(".")[2].startswith("_")
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_all_of_a_package_equals_its_page(package):
    module = importlib.import_module(package)
    page = (PAGES / f"{package}.md").read_text(encoding="utf-8")
    shown = set(_DIRECTIVE.findall(page)) | set(re.findall(r"^Packages in it: (.*)$", page, re.MULTILINE))
    documented = {name for name in shown if name.isidentifier()}
    for line in shown - documented:
        documented |= set(re.findall(r"`(\w+)`", line))
    assert documented == set(module.__all__)


def test_every_public_package_has_a_page():
    packages = {module.name for module in pkgutil.walk_packages(labkit.__path__, "labkit.") if module.ispkg}
    private = {name for name in packages if any(name.startswith(program) for program in PROGRAMS)}
    assert packages - private == set(PACKAGES)


def test_the_index_lists_every_page():
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^labkit\.[\w.]+$", index, re.MULTILINE)) == PACKAGES


@pytest.mark.parametrize("name", _all_modules())
def test_all_names_of_a_module_exist_and_are_sorted_once(name):
    module = importlib.import_module(name)
    assert hasattr(module, "__all__"), f"{name} says nothing about what is public"
    assert len(set(module.__all__)) == len(module.__all__)
    for public in module.__all__:
        getattr(module, public)
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", ["labkit", *PACKAGES])
def test_every_public_function_and_class_has_a_docstring(package):
    module = importlib.import_module(package)
    bare = [
        name
        for name in module.__all__
        if callable(getattr(module, name)) and not _documented(getattr(module, name))
    ]
    assert not bare


def _documented(thing):
    text = inspect.getdoc(thing) or ""
    # A dataclass without a docstring is given its signature for one.
    return bool(text) and not text.startswith(f"{thing.__name__}(")


def test_labkit_says_its_version_once():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{labkit.__version__}"' in project
    assert f"version: {labkit.__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
