"""What every test shares: a home of its own, so that nobody's progress is touched."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# Set before anything of labkit is imported. Victims are trained once a run; a developer may
# keep them between runs with LABKIT_TEST_HOME.
_KEPT = os.environ.get("LABKIT_TEST_HOME")
HOME = Path(_KEPT or tempfile.mkdtemp(prefix="labkit-tests-"))
os.environ["LABKIT_HOME"] = str(HOME)
os.environ["JUPYTER_NO_CONFIG"] = "1"
_NOT_OURS = ("LABKIT_DATA", "LABKIT_LEARNER", "LABKIT_SCENARIO", "LABKIT_SEED", "LABKIT_THINK_SECONDS")
for variable in (*_NOT_OURS, "JUPYTERHUB_USER", "QUERY_STRING"):
    os.environ.pop(variable, None)
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

# How long an example takes says something about the machine, not about a law. Every push tries the same
# examples, so that a change fails by what it changed; each night tries new ones (profile "search").
settings.register_profile("labkit", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=500)
settings.load_profile("labkit")


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    """A home with no progress in it and the victims of the run."""
    (HOME / "cache").mkdir(parents=True, exist_ok=True)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "cache").symlink_to(HOME / "cache", target_is_directory=True)
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def pytest_sessionfinish(session):
    """Remove what this run trained, unless it is to be kept."""
    if not _KEPT:
        import shutil

        shutil.rmtree(HOME, ignore_errors=True)
