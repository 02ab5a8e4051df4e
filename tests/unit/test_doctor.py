"""The doctor says in plain words what is wrong here, and its status tells scripts."""

import argparse
import json
import socket
from pathlib import Path

import pytest

from labkit import cli, doctor
from labkit.core.errors import StorageError

ROOT = Path(__file__).resolve().parents[2]


def _named(name):
    return doctor._looked_at(name, doctor.CHECKS[name])


def test_a_healthy_machine_has_nothing_broken_and_status_zero(own_home, capsys):
    assert cli.main(["doctor", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["fine"] is True
    assert [finding["name"] for finding in said["findings"]] == list(doctor.CHECKS)
    assert {finding["state"] for finding in said["findings"]} <= {"fine", "advice"}


def test_the_table_names_every_check_and_closes_with_a_verdict(own_home, capsys):
    assert doctor.run(argparse.Namespace(json=False)) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in doctor.CHECKS)
    assert said.rstrip().endswith("Everything that the lab needs is in order.")


def test_whatever_is_not_fine_comes_with_what_to_do(own_home):
    assert all(finding.mend for finding in doctor.examine() if finding.state == "advice")


def test_every_package_of_the_lock_is_compared():
    finding = _named("packages")
    assert finding.state == "fine", finding
    entries = (ROOT / "locks" / "lab.txt").read_text(encoding="utf-8").splitlines()
    assert doctor._locked().keys() <= {line.split("==")[0] for line in entries if "==" in line}
    assert {"torch", "voila", "torchattacks"} <= doctor._locked().keys()


def test_a_missing_package_is_broken_and_another_version_is_advice(monkeypatch):
    monkeypatch.setattr(doctor, "_locked", lambda: {"torch": "2.13.0", "no-such-package-at-all": "1.0"})
    missing = _named("packages")
    assert (missing.state, "no-such-package-at-all" in missing.found) == ("broken", True)
    monkeypatch.setattr(doctor, "_locked", lambda: {"numpy": "1.0"})
    other = _named("packages")
    assert other.state == "advice"
    assert "numpy" in other.found
    assert "make lab" in other.mend


def test_a_port_in_use_is_advice_with_another_port(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        finding = _named("port")
    assert finding.state == "advice"
    assert f"PORT={port + 1}" in finding.mend


def test_a_folder_that_cannot_be_made_is_broken(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path / "file"))
    finding = _named("your files")
    assert finding.state == "broken"
    assert "LABKIT_HOME" in finding.found
    assert cli.main(["doctor"]) == 1
    assert "Broken:" in capsys.readouterr().out


def test_a_setting_that_is_no_number_is_said_as_it_is(monkeypatch):
    monkeypatch.setenv("LABKIT_THREADS", "many")
    finding = _named("torch")
    assert finding.state == "broken"
    assert "LABKIT_THREADS" in finding.found


@pytest.mark.parametrize(
    "error", [StorageError("the disk is full"), RuntimeError("odd"), ImportError("gone")]
)
def test_a_check_that_fails_is_a_finding(error):
    def fails():
        raise error

    finding = doctor._looked_at("anything", fails)
    assert finding.state == "broken"
    assert str(error) in finding.found
