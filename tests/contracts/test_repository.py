"""What is committed: no addresses that a closed network lacks, no paths of one machine, nothing forgiven."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from labkit.cli import COMMANDS
from labkit.course import labs
from labkit.course.notebook_source import FORGIVING_TAGS, TAGS

ROOT = Path(__file__).resolve().parents[2]

# Written in pieces, so that this file passes its own test.
REGISTRIES = [
    "pypi" + ".org",
    "files.python" + "hosted.org",
    "registry.npm" + "js.org",
    "download.py" + "torch.org",
    "deb.deb" + "ian.org",
]
MACHINE = [r"(?<![\w.~-])/" + "work/", r"(?<![\w.~-])/" + "root/", r"(?<![\w.~-])/" + r"home/\w+/"]
BINARY = {".npz", ".png", ".ico", ".safetensors"}


def _tracked():
    """Return every file of the checkout that git knows, or would, from whichever of the two there is."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def _texts():
    for path in _tracked():
        if path.suffix not in BINARY:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def _lines_with(pattern):
    found = re.compile(pattern)
    return [
        f"{name}:{number}"
        for name, text in _texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if found.search(line)
    ]


def test_no_file_names_a_package_registry():
    assert _lines_with("|".join(map(re.escape, REGISTRIES))) == []


def test_no_file_names_a_path_of_one_machine():
    assert _lines_with("|".join(MACHINE)) == []


def test_every_text_file_is_utf8_and_ends_its_last_line():
    unended = [name for name, text in _texts() if text and not text.endswith("\n")]
    assert unended == []


def test_the_table_of_labs_in_the_readme_is_the_catalogue():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- labs: begin.*?-->(.*?)<!-- labs: end -->", text, re.DOTALL)[1]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    assert rows == [
        f"| {lab.id} | {lab.title} | {lab.minutes} | {', '.join(lab.prerequisites) or '–'} | {lab.summary} |"
        for lab in labs()
    ]


def test_the_data_sets_in_the_readme_are_those_that_come_along():
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Data")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert named == sorted(path.parent.name for path in (ROOT / "datasets").glob("*/card.toml"))


def test_every_command_is_in_the_reference():
    text = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    missing = [name for name in COMMANDS if not re.search(rf"^\| .*`{name}\b", text, re.MULTILINE)]
    assert missing == []


def test_every_variable_of_the_environment_is_in_the_reference():
    text = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    used = {
        name
        for path, source in _texts()
        if path.startswith("labkit/") and path.endswith(".py")
        for name in re.findall(r"\bLABKIT_[A-Z]+(?:_[A-Z]+)*\b", source)
    }
    assert used - set(re.findall(r"LABKIT_[A-Z_]+", text)) == set()


def test_the_readme_is_short_enough_to_be_read():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize(
    "notebook",
    sorted((ROOT / "notebooks").glob("*/*.ipynb")),
    ids=lambda path: str(path.parent.name + "/" + path.name),
)
def test_no_notebook_skips_or_forgives_a_cell(notebook):
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        tags = set(cell["metadata"].get("tags", []))
        assert not tags & set(FORGIVING_TAGS)
        assert tags <= set(TAGS)
        assert not re.search(r"#\s*(NBVAL_|PYTEST_VALIDATE_)", "".join(cell["source"]))


def test_every_link_between_files_leads_somewhere():
    broken = []
    for name, text in _texts():
        if not name.endswith(".md"):
            continue
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)", prose):
            if not re.match(r"[a-z]+:", target) and not (ROOT / name).parent.joinpath(target).exists():
                broken.append(f"{name}: {target}")
    assert broken == []


def test_decision_records_are_numbered_and_short():
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for path in records:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 40, path.name
        assert all(f"## {part}" in text for part in ("Context", "Decision", "Consequences")), path.name
