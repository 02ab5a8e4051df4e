"""Imports go down only, and neighbours on a floor leave each other alone."""

import subprocess
import sys
import tomllib
from pathlib import Path

import labkit

ROOT = Path(__file__).resolve().parents[2]


def _layers():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = project["tool"]["importlinter"]["contracts"][0]
    return [
        {name.strip().strip("()").strip() for name in layer.split("|")}
        for layer in reversed(contract["layers"])
    ]


def test_imports_go_down_only():
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_stands_on_a_floor():
    folder = Path(labkit.__file__).parent
    present = {
        f"labkit.{path.stem}"
        for path in folder.iterdir()
        if not path.name.startswith("_")
        and (path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py"))))
    }
    assert present <= set().union(*_layers())


def test_the_floors_are_those_of_the_documentation():
    text = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    for number, floor in enumerate(_layers()):
        row = next(line for line in text.splitlines() if line.startswith(f"| {number} |"))
        for name in floor:
            package = name.removeprefix("labkit.")
            if (ROOT / "labkit" / package).is_dir() or (ROOT / "labkit" / f"{package}.py").is_file():
                assert f"`{package}`" in row
