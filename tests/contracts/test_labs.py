"""Every lab there is keeps the contract; a lab that is added is tested without an edit here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.core.paths import content_dir
from labkit.course import Lab, labs, read_lab
from tests.contracts import lab_contract

FOLDERS = sorted(path.parent for path in content_dir("notebooks").glob("*/lab.toml"))
SEEDS = 30


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request) -> Path:
    return request.param


@pytest.fixture
def lab(folder) -> Lab:
    return read_lab(folder, references=False)


def test_there_are_labs_and_no_folder_without_a_declaration():
    assert FOLDERS
    folders = {path for path in content_dir("notebooks").glob("[A-Za-z0-9]*") if path.is_dir()}
    assert folders == set(FOLDERS)


def test_the_declaration_loads_with_every_threshold_backed_by_runs(folder):
    assert read_lab(folder, references=True).id == folder.name.partition("-")[0]


def test_the_catalogue_holds_them_all():
    assert {each.folder for each in labs()} == set(FOLDERS)


@pytest.mark.parametrize("clause", lab_contract.CLAUSES, ids=lambda clause: clause.__name__)
def test_the_lab_keeps_the_clause(lab: Lab, clause: Callable[[Lab], None]):
    clause(lab)


def test_thresholds_tell_the_bots_apart_over_30_variants(lab):
    lab_contract.thresholds_tell_the_bots_apart(lab, SEEDS)
