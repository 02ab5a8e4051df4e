"""The script behind ``make lab`` and ``make test``: what it installs, when, and what it says if it cannot."""

import base64
import hashlib
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "setup_env.py"
LOCKS = ("lab", "dev", "cuda", "cpu")


@pytest.fixture
def checkout(tmp_path):
    """A checkout, with a blank in its path, that holds only what the script reads."""
    root = tmp_path / "a checkout"
    for name in ("tools/setup_env.py", "pyproject.toml", *(f"locks/{lock}.txt" for lock in LOCKS)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
    return root


def _script(checkout):
    return runpy.run_path(str(checkout / "tools" / "setup_env.py"))


def _entries(lock):
    text = (ROOT / "locks" / f"{lock}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_has_one_version_and_hashes(lock):
    for entry in _entries(lock):
        requirement, *hashes = entry.split("--hash=")
        specifiers = list(Requirement(requirement.strip()).specifier)
        assert [each.operator for each in specifiers] == ["=="], requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", each) for each in hashes), requirement


def test_torch_is_locked_once_for_everybody_and_torchvision_not_at_all():
    names = [entry.split("==")[0] for lock in ("lab", "dev") for entry in _entries(lock)]
    assert names.count("torch") == 1
    assert "torchvision" not in names
    torch = next(entry for entry in _entries("lab") if entry.startswith("torch=="))
    assert "+" not in torch.split("--hash")[0]
    assert ";" not in torch
    assert _entries("cpu")[0].split()[0] == torch.split()[0] + "+cpu"


def test_the_lab_waits_for_no_tool_of_development():
    names = {entry.split("==")[0] for entry in _entries("lab")}
    assert not names & {"pytest", "sphinx", "ruff", "mypy", "playwright"}
    assert not any(name.startswith(("nvidia", "cuda")) for name in names)


def test_what_torchattacks_claims_decides_no_version():
    versions = {Requirement(entry.split("--hash")[0].strip()).name: entry for entry in _entries("lab")}
    assert re.match(r"requests==2\.(3[2-9]|[4-9]\d)", versions["requests"])
    assert versions["jupyterlab"].startswith("jupyterlab==4.")


@pytest.mark.parametrize("changed", ["locks/lab.txt", "locks/cuda.txt", "locks/cpu.txt", "pyproject.toml"])
def test_a_change_of_the_lock_or_the_project_installs_again(checkout, changed):
    digest = _script(checkout)["digest"]
    before = digest("lab")
    assert digest("lab") == before
    with (checkout / changed).open("a") as file:
        file.write("# another\n")
    assert digest("lab") != before


def test_a_checkout_that_was_moved_installs_again(checkout):
    before = _script(checkout)["digest"]("lab")
    moved = checkout.with_name("moved")
    checkout.rename(moved)
    assert _script(moved)["digest"]("lab") != before


@pytest.mark.parametrize("arguments", [[], ["dance"]])
def test_an_unknown_task_prints_what_there_is(checkout, arguments):
    done = _start(checkout, *arguments)
    assert done.returncode == 2
    assert "doctor|here|lab|setup|test" in done.stdout.replace("dev|", "")


def test_a_finished_environment_is_used_without_pip_or_network(checkout):
    script = _script(checkout)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"], check=True)
    Path(script["stamp"]("lab")).write_text(script["digest"]("lab"))
    done = _start(checkout, "setup")
    assert (done.returncode, done.stdout) == (0, "")


def test_no_python_that_will_do_is_said_with_a_way_out(checkout, monkeypatch, capsys):
    namespace = _script(checkout)
    monkeypatch.setitem(namespace["main"].__globals__, "OLDEST", (9, 1))
    monkeypatch.setitem(namespace["main"].__globals__, "NEWEST", (9, 2))
    assert namespace["main"](["lab"]) == 1
    assert "needs Python 9.1 to 9.2, and this is" in capsys.readouterr().out


def test_the_script_keeps_to_syntax_that_an_old_python_reads():
    text = SCRIPT.read_text(encoding="ascii")
    assert not re.search(r"\bf[\"']|:=|\bnonlocal\b|->|print\([^()]*(, \w+=)", text)


def test_a_package_that_was_half_installed_is_installed_again(tmp_path):
    whole, torn, bare = (_fake_package(tmp_path, name) for name in ("whole", "torn", "bare"))
    (tmp_path / "torn.py").write_text("x")
    (bare / "RECORD").unlink()
    code = f"import sys; sys.path[:] = [{str(tmp_path)!r}, *sys.path[:3]]\n{_script(ROOT)['REPAIR']}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert whole.is_dir()
    assert not torn.exists()
    assert not bare.exists()
    assert "repairing torn-1.dist-info" in done.stdout


def _start(checkout, *arguments):
    return subprocess.run(
        [sys.executable, checkout / "tools" / "setup_env.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], "SYSTEMROOT": os.environ.get("SYSTEMROOT", "")},
    )


def _fake_package(folder, name):
    """Return the metadata folder of a package of one file, as pip leaves it."""
    info = folder / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    source = b"value = 1\n"
    (folder / f"{name}.py").write_bytes(source)
    digest = base64.urlsafe_b64encode(hashlib.sha256(source).digest()).rstrip(b"=").decode()
    (info / "RECORD").write_text(f"{name}.py,sha256={digest},{len(source)}\n{info.name}/RECORD,,\n")
    return info
