"""``import labkit`` costs next to nothing; what is heavy loads when it is first used."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = ("torch", "captum", "matplotlib", "sklearn", "ipywidgets")
BUDGET_MS = 100
_ASK = f"import json, sys; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"


def _run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )


def _loaded(code):
    return set(json.loads(_run(f"{code}\n{_ASK}").stdout.splitlines()[-1]))


def test_import_labkit_takes_less_than_a_tenth_of_a_second_of_the_processor():
    code = (
        "import time; start = time.process_time(); import labkit; print(1000 * (time.process_time() - start))"
    )
    # Time of the processor, and the least of it: what else the machine does says nothing about the import.
    fastest = min(float(_run(code).stdout) for _ in range(7))
    assert fastest < BUDGET_MS


@pytest.mark.parametrize(
    "module",
    [
        "labkit",
        "labkit.core",
        "labkit.data",
        "labkit.models",
        "labkit.explain",
        "labkit.scoring",
        "labkit.course",
        "labkit.evidence",
        "labkit.governance",
        "labkit.ui",
        "labkit.cli",
        "labkit.doctor",
    ],
)
def test_importing_a_package_pulls_in_nothing_heavy(module):
    assert _loaded(f"import {module}") == set()


@pytest.mark.parametrize(
    ("use", "heavy"),
    [
        ("import labkit; labkit.core.Norm", "torch"),
        ("import labkit; labkit.attacks.evasion.pgd", "torch"),
        ("import labkit; labkit.models.load_victim", "torch"),
        (
            "import torch, labkit; from labkit.models import TorchClassifier as T\n"
            "m = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))\n"
            "labkit.explain.integrated_gradients(T(m, (1, 2, 2), 2), torch.rand(1, 1, 2, 2), steps=2)",
            "captum",
        ),
        ("import labkit; labkit.data.load('digits')", "sklearn"),
        ("import labkit; labkit.open_lab", "ipywidgets"),
        (
            "import labkit; labkit.ui.plots.attempts([0.1], [False], 0.5, unit='share', rising=True)",
            "matplotlib",
        ),
    ],
)
def test_what_is_heavy_loads_when_it_is_first_used(use, heavy):
    assert heavy in _loaded(use)


def test_attacks_and_metrics_need_no_widgets_and_no_figures():
    loaded = _loaded("import labkit.attacks, labkit.defenses, labkit.metrics, labkit.engines")
    assert loaded <= {"torch"}


@pytest.mark.parametrize("command", ["labs", "progress", "data list"])
def test_a_command_about_the_catalogue_pulls_in_no_torch(command, tmp_path):
    code = (
        "import sys; from labkit.cli import main\n"
        f"status = main({[*command.split(), '--json']!r})\n"
        "assert status == 0 and 'torch' not in sys.modules and 'captum' not in sys.modules"
    )
    env = {**os.environ, "LABKIT_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env, timeout=120
    )
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)
