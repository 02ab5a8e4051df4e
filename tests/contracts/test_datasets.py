"""Every data set that ships with labkit is what its card says, and damage to it is refused."""

import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

import labkit.data as data
from labkit.core.errors import DeclarationError, IntegrityError, InvalidInputError, UnknownNameError
from labkit.core.paths import content_dir

BUNDLED = sorted(path.parent.name for path in content_dir("datasets").glob("*/card.toml"))
every = pytest.mark.parametrize("name", BUNDLED)


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the data sets that a test may damage."""
    root = tmp_path / "datasets"
    shutil.copytree(content_dir("datasets"), root)
    monkeypatch.setenv("LABKIT_DATASETS", str(root))
    return root


def test_the_data_sets_of_the_course_are_there() -> None:
    assert {"clinic", "digits", "faces", "loans", "signs", "strangers"} <= set(BUNDLED)
    assert set(BUNDLED) <= set(data.names())


@every
def test_it_loads_and_has_the_digest_of_its_card(name: str) -> None:
    dataset = data.load(name)
    assert dataset.digest == dataset.card.sha256
    verdict = data.verify(name)[0]
    assert verdict.ok
    assert verdict.expected == verdict.got == dataset.card.sha256


@every
def test_shapes_types_and_ranges_are_those_of_the_card(name: str) -> None:
    dataset = data.load(name)
    for part, split in (("train", dataset.train), ("test", dataset.test)):
        assert split.x.shape == (dataset.card.samples(part), *dataset.card.shape)
        assert (split.x.dtype, split.y.dtype) == (torch.float32, torch.int64)
        assert 0 <= split.x.min() < split.x.max() <= 1


@every
def test_every_class_is_there_in_both_splits_and_none_dominates(name: str) -> None:
    dataset = data.load(name)
    for split in (dataset.train, dataset.test):
        counts = split.y.bincount(minlength=len(dataset.card.classes))
        assert len(counts) == len(dataset.card.classes)
        # Pictures are made or chosen evenly; of people there are as many as there were.
        assert counts.max() < (2.2 if dataset.card.features else 1.2) * counts.min()


@every
def test_no_picture_is_in_both_splits(name: str) -> None:
    dataset = data.load(name)
    train = {row.numpy().tobytes() for row in dataset.train.x}
    shared = sum(row.numpy().tobytes() in train for row in dataset.test.x)
    assert shared == 0


@every
def test_its_card_says_where_it_comes_from_and_what_it_must_not_be_taken_for(name: str) -> None:
    card = data.find_card(name)
    assert card.origin == "bundled"
    assert min(len(card.source), len(card.hazards), len(card.description)) > 30
    assert len(set(card.classes)) == len(card.classes)


def test_the_signs_are_small_and_many_enough() -> None:
    card = data.find_card("signs")
    assert card.shape == (3, 32, 32)
    assert len(card.classes) >= 12
    assert (card.path.parent / "signs.npz").stat().st_size < 14e6


def test_the_signs_are_those_that_their_generator_renders() -> None:
    card = data.find_card("signs")
    assert card.generator == "labkit.data.signs"
    signs = import_module(card.generator)
    assert tuple(signs.CLASSES) == card.classes
    dataset = data.load("signs")
    for label, name in list(enumerate(card.classes))[::5]:
        drawn = signs.render_many(name, 3, seed=card.seed, split="test").transpose(0, 3, 1, 2) / 255
        kept = dataset.test.x[dataset.test.y == label][:3].numpy()
        # Another version of Pillow or NumPy may round differently; the picture is the same.
        assert np.abs(drawn - kept).mean() < 0.02


@pytest.mark.parametrize("group", ["faces", "strangers"])
def test_the_portraits_are_those_that_their_generator_renders(group: str) -> None:
    card = data.find_card(group)
    faces = import_module(str(card.generator))
    assert faces.class_names(group) == card.classes
    assert len(card.classes) >= 40
    assert (card.path.parent / f"{group}.npz").stat().st_size < 6e6
    dataset = data.load(group)
    for label in range(0, len(card.classes), 13):
        drawn = faces.render_many(label, 2, seed=card.seed, group=group).transpose(0, 3, 1, 2) / 255
        kept = dataset.train.x[dataset.train.y == label][:2].numpy()
        # Another version of Pillow or NumPy may round differently; the picture is the same.
        assert np.abs(drawn - kept).mean() < 0.02


def test_strangers_are_nobody_of_the_faces() -> None:
    faces = import_module("labkit.data.faces")
    assert not set(faces.people("faces")) & set(faces.people("strangers"))
    assert len(set(faces.people("faces"))) == len(faces.NAMES) == 40


@pytest.mark.parametrize("file", ["signs.npz", "loans.csv"])
def test_a_changed_or_shortened_file_is_refused(copies: Path, file: str) -> None:
    name = file.partition(".")[0]
    path = copies / name / file
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 0x55
    for content in (bytes(changed), whole[: len(whole) // 2], b""):
        path.write_bytes(content)
        assert not data.verify(name)[0].ok
        with pytest.raises(IntegrityError, match=name):
            data.load(name)
    path.unlink()
    with pytest.raises(IntegrityError, match=name):
        data.load(name)


def test_the_loans_are_those_that_their_generator_draws(tmp_path: Path) -> None:
    card = data.find_card("loans")
    loans = import_module(str(card.generator))
    assert loans.write(tmp_path, seed=card.seed).read_bytes() == (card.path.parent / "loans.csv").read_bytes()
    assert tuple(feature.name for feature in card.features) == loans.FEATURES
    assert card.protected == loans.PROTECTED


def test_a_table_is_given_back_in_its_units() -> None:
    loans = data.load("loans")
    first = data.in_units(loans.train.x[:1], loans.card)[0].round().int().tolist()
    line = (loans.card.path.parent / "loans.csv").read_text("utf-8").splitlines()[1].split(",")
    assert first == [int(value) for value in line[1:-1]]
    with pytest.raises(InvalidInputError, match="holds pictures"):
        data.in_units(data.load("digits").train.x, data.find_card("digits"))
    with pytest.raises(InvalidInputError, match=r"\('n', 10\)"):
        data.in_units(loans.train.x[:, :3], loans.card)


@every
def test_other_samples_than_the_card_was_written_for_are_refused(copies: Path, name: str) -> None:
    card = copies / name / "card.toml"
    card.write_text(re.sub(r'(sha256 = ")..', r"\g<1>ff", card.read_text("utf-8")), encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"restore them from the repository"):
        data.load(name)
    assert not data.verify(name)[0].ok


def test_a_pickle_in_place_of_the_pictures_is_never_run(copies: Path) -> None:
    labels = np.array([print], dtype=object)
    np.savez(copies / "signs" / "signs.npz", train_x=labels, train_y=labels, test_x=labels, test_y=labels)
    with pytest.raises(IntegrityError, match="allow_pickle"):
        data.load("signs")


@pytest.mark.parametrize(
    ("find", "put", "line", "says"),
    [
        (r"^licence", "license", 5, "unknown key 'license'"),
        (r"^shape = .*$", "shape = []", 8, "'shape' is not usable"),
        (r"^classes = .*$", 'classes = ["0"]', 9, "'classes' is not usable"),
        (r"^name = .*$", 'name = "numbers"', 1, "expected the name of its folder"),
        (r"^title = .*$", "title = 3", 2, "'title' is not usable"),
        (r"^citation = .*$", "citation = ", 6, "not TOML"),
        (r"^train = .*$", "teach = 3", None, "'splits' is not usable"),
        (r"^hazards = .*$", "", None, "'hazards' is missing"),
        (r"^train = .*$", "train = 1437", None, "declares 1437 samples"),
        (r"^shape = .*$", 'shape = [1, 8, 8]\nprotected = "age"', 9, "no feature called 'age'"),
        (r"^shape = .*$", "shape = [1, 8, 8]\nfeatures = [{ low = 0 }]", 9, "'features' is not usable"),
        (
            r"^shape = .*$",
            'shape = [1, 8, 8]\nfeatures = [{ name = "a", unit = "m", low = 0, high = 1 }]',
            9,
            "a feature of its own",
        ),
    ],
)
def test_a_wrong_card_is_refused_with_its_file_and_line(
    copies: Path, find: str, put: str, line: int | None, says: str
) -> None:
    card = copies / "digits" / "card.toml"
    card.write_text(re.sub(find, put, card.read_text("utf-8"), flags=re.MULTILINE), encoding="utf-8")
    with pytest.raises(DeclarationError, match=re.escape(says)) as caught:
        data.load("digits")
    assert caught.value.path == card
    if line is not None:
        assert str(caught.value).startswith(f"{card}:{line}: ")


def test_an_unknown_name_lists_those_that_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'digits'\? Known: .*signs"):
        data.load("digit")


@pytest.mark.parametrize("name", ["../digits", "/etc", "", "digits/", "..", "Digits"])
def test_a_name_cannot_lead_out_of_the_data_sets(name: str) -> None:
    with pytest.raises(InvalidInputError):
        data.load(name)


def test_the_cards_are_read_without_torch() -> None:
    code = "import sys, labkit.data as d; d.names(); d.cards(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=dict(os.environ)).returncode == 0
