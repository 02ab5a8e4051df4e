"""A user's own data: taken in, kept whole, loaded again, removed."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import labkit.data as data
from labkit.core.errors import (
    DataFormatError,
    IntegrityError,
    InvalidInputError,
    StorageError,
    UnknownNameError,
)
from labkit.data.card import user_root


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [f"{k},{10 - k},{'ham' if k % 2 else 'spam'}" for k in range(20)]
    path = tmp_path / "mail.csv"
    path.write_text("\n".join(["length,links,label", *rows]) + "\n", encoding="utf-8")
    return path


def test_what_was_added_loads_under_its_name_with_its_digest(table: Path) -> None:
    card = data.add(table, "mail")
    dataset = data.load("mail")
    assert card == data.find_card("mail") == dataset.card
    assert (card.kind, card.origin, card.classes) == ("safetensors", "yours", ("ham", "spam"))
    assert dataset.digest == card.sha256
    assert (len(dataset.train), len(dataset.test)) == (16, 4)
    assert "mail" in data.names()
    assert data.verify("mail")[0].ok


def test_every_class_is_in_both_splits_and_the_same_source_splits_the_same_way(table: Path) -> None:
    data.add(table, "mail", test_share=0.5)
    first = data.load("mail")
    assert first.train.y.bincount().tolist() == first.test.y.bincount().tolist() == [5, 5]
    data.remove("mail")
    data.add(table, "mail", test_share=0.5)
    assert data.load("mail").digest == first.digest


def test_features_are_scaled_by_the_range_of_the_training_part(table: Path) -> None:
    data.add(table, "mail")
    dataset = data.load("mail")
    assert dataset.train.x.amin(dim=0).tolist() == [0, 0]
    assert dataset.train.x.amax(dim=0).tolist() == [1, 1]
    assert float(dataset.test.x.min()) >= 0
    assert float(dataset.test.x.max()) <= 1


def test_a_column_that_never_changes_becomes_zero(tmp_path: Path) -> None:
    path = tmp_path / "flat.csv"
    path.write_text("a,b,label\n" + "".join(f"7,{k},{k % 2}\n" for k in range(8)), encoding="utf-8")
    data.add(path, "flat")
    assert data.load("flat").train.x[:, 0].abs().max() == 0


def test_a_taken_name_is_refused_and_the_first_data_set_stays(table: Path) -> None:
    first = data.add(table, "mail").sha256
    with pytest.raises(InvalidInputError, match="labkit data remove mail"):
        data.add(table, "mail")
    with pytest.raises(InvalidInputError, match="digits"):
        data.add(table, "digits")
    assert data.load("mail").digest == first


@pytest.mark.parametrize("name", ["../mail", "Mail", "", ".mail", "a/b", "a" * 41, "con fusion"])
def test_a_name_that_is_no_folder_of_its_own_is_refused(table: Path, home: Path, name: str) -> None:
    with pytest.raises(InvalidInputError, match="expected a name"):
        data.add(table, name)
    with pytest.raises(InvalidInputError, match="expected a name"):
        data.remove(name)
    assert not home.exists()


def test_a_source_that_is_refused_leaves_nothing_behind(table: Path, home: Path) -> None:
    table.write_text(table.read_text().replace("3,7", "3,NaN"), encoding="utf-8")
    with pytest.raises(DataFormatError):
        data.add(table, "mail")
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_removing_deletes_the_files_and_the_name(table: Path, home: Path) -> None:
    data.add(table, "mail")
    data.remove("mail")
    assert "mail" not in data.names()
    assert [path for path in home.rglob("*") if path.is_file()] == []
    with pytest.raises(UnknownNameError, match="mail"):
        data.remove("mail")


def test_a_data_set_that_ships_with_labkit_is_never_removed() -> None:
    with pytest.raises(InvalidInputError, match="ships with labkit"):
        data.remove("digits")
    assert data.load("digits").card.origin == "bundled"


def test_a_data_set_whose_card_is_damaged_can_still_be_removed(table: Path) -> None:
    data.add(table, "mail")
    (user_root() / "mail" / "card.toml").write_text("not a card", encoding="utf-8")
    data.remove("mail")
    assert not (user_root() / "mail").exists()


def test_changed_bytes_are_refused_and_the_message_says_to_add_it_again(table: Path) -> None:
    data.add(table, "mail")
    path = user_root() / "mail" / "data.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"mail.*(add it again|Restore)"):
        data.load("mail")
    assert not data.verify("mail")[0].ok


def test_a_home_that_cannot_be_written_is_a_storage_error(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a-file").write_text("in the way")
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path / "a-file"))
    with pytest.raises(StorageError, match="LABKIT_HOME"):
        data.add(table, "mail")


@pytest.mark.parametrize("share", [0.0, -0.1, 0.51, 1.0, float("nan")])
def test_a_test_share_outside_its_range_is_refused(table: Path, share: float) -> None:
    with pytest.raises(InvalidInputError, match="test share"):
        data.add(table, "mail", test_share=share)


def test_a_source_that_is_not_there_or_looks_like_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="none at"):
        data.add(tmp_path / "nowhere", "mine")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataFormatError, match="looks like none of the formats"):
        data.add(tmp_path / "empty", "mine")


def test_an_unknown_format_or_an_option_of_another_format_is_refused(table: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'csv'"):
        data.add(table, "mail", format="cvs")
    with pytest.raises(InvalidInputError, match="'csv' takes label_column, shape; got size"):
        data.add(table, "mail", size=32)
    with pytest.raises(InvalidInputError, match="expected a size"):
        data.add(table, "mail", size=0)
    with pytest.raises(InvalidInputError, match="expected a shape"):
        data.add(table, "mail", shape=(2, 1, 1))


def test_a_class_with_a_single_sample_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("a,label\n1,x\n2,x\n3,y\n", encoding="utf-8")
    with pytest.raises(DataFormatError, match=r"2 or more samples of every class.*got 1 of 'y'"):
        data.add(path, "few")


def test_names_with_quotes_and_letters_of_any_script_survive_the_card(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = ['a "quoted" one', "straße", "道路", "back\\slash" if Path("a\\b").name == "a\\b" else "plain"]
    for name in names:
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for k in range(2):
            pixels = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{k}.png")
    card = data.add(tmp_path / "pictures", "pictures")
    assert set(card.classes) == set(names)
    assert tomllib.loads(card.path.read_text(encoding="utf-8"))["classes"] == list(card.classes)
    assert data.load("pictures").train.x.dtype == torch.float32
