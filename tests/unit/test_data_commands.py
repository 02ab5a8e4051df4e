"""``labkit data``, as a person or a script calls it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import labkit.data as data
from labkit.cli import main
from labkit.core.errors import InvalidInputError, StorageError
from labkit.data.card import user_root
from labkit.data.formats import FORMATS

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mail.csv"
    rows = [f"{k},{10 - k},{'ham' if k % 2 else 'spam'}" for k in range(20)]
    path.write_text("\n".join(["length,links,kind", *rows]), encoding="utf-8")
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    root = tmp_path / "shapes"
    for shade, name in enumerate(("dark", "light")):
        (root / name).mkdir(parents=True)
        for number in range(5):
            Image.new("RGB", (20, 10 + number), (200 * shade, 30, 10 * number)).save(
                root / name / f"{number}.png"
            )
    return root


def test_list_as_json_has_a_row_for_every_data_set(capsys: Output) -> None:
    assert main(["data", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows["digits"]) == {
        "name", "title", "shape", "classes", "train", "test", "source", "licence", "origin",
    }  # fmt: skip
    assert rows["digits"]["shape"] == [1, 8, 8]
    assert len(rows["signs"]["classes"]) == 14
    assert rows["signs"]["origin"] == "bundled"


def test_list_for_people_is_a_table(capsys: Output) -> None:
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("name")
    assert any(line.startswith("signs") and "3 × 32 × 32" in line for line in lines)


def test_list_does_not_wait_for_torch() -> None:
    code = (
        "import sys; from labkit.cli import main; main(['data', 'list']); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'PIL', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_verify_finds_the_bundled_data_whole(capsys: Output) -> None:
    assert main(["data", "verify", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} >= {"digits", "signs"}
    assert all(row["ok"] and row["expected"] == row["got"] for row in rows)


def test_verify_ends_with_1_when_a_data_set_was_changed(table: Path, capsys: Output) -> None:
    assert main(["data", "add", str(table), "mail", "--label-column", "kind"]) == 0
    stored = user_root() / "mail" / "data.safetensors"
    content = bytearray(stored.read_bytes())
    content[-1] ^= 1
    stored.write_bytes(content)
    capsys.readouterr()
    assert main(["data", "verify", "mail", "digits", "--json"]) == 1
    mail, digits = json.loads(capsys.readouterr().out)
    assert (mail["ok"], digits["ok"]) == (False, True)
    assert mail["expected"] != mail["got"]
    assert main(["data", "verify", "mail"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_a_damaged_card_hides_no_other_data_set(table: Path, capsys: Output) -> None:
    data.add(table, "mail", label_column="kind")
    (user_root() / "mail" / "card.toml").write_text('name = "mail"\ncolour = 3\n', encoding="utf-8")
    assert {"digits", "signs", "mail"} <= set(data.names())
    assert main(["data", "verify"]) == 1
    told = capsys.readouterr().out
    assert "card.toml:2" in told.replace("\n", "").replace(" ", "")
    assert data.load("digits").card.name == "digits"


def test_images_are_added_listed_shown_and_removed(images: Path, tmp_path: Path, capsys: Output) -> None:
    assert main(["data", "add", str(images), "shapes", "--size", "12", "--test-share", "0.4"]) == 0
    told = capsys.readouterr().out
    assert "6 samples to learn from and 4 to test on, each 3 × 12 × 12" in told
    assert "dark, light" in told
    sheet = tmp_path / "shapes.png"
    assert main(["data", "show", "shapes", "--sheet", str(sheet)]) == 0
    assert str(images) in capsys.readouterr().out.replace("\n", "").replace(" ", "")
    with Image.open(sheet) as page:
        assert page.format == "PNG"
    assert main(["data", "remove", "shapes"]) == 0
    assert "shapes" not in data.names()
    assert images.is_dir()


def test_height_and_width_may_differ(images: Path) -> None:
    assert main(["data", "add", str(images), "wide", "--size", "8x16"]) == 0
    assert data.load("wide").card.shape == (3, 8, 16)


def test_pixels_of_a_table_are_given_a_shape(tmp_path: Path) -> None:
    path = tmp_path / "tiny.csv"
    rows = [f"{k % 2},{k},{2 * k},0,255" for k in range(10)]
    path.write_text("\n".join(["label,a,b,c,d", *rows]), encoding="utf-8")
    assert main(["data", "add", str(path), "tiny", "--shape", "1,2,2"]) == 0
    assert data.load("tiny").card.shape == (1, 2, 2)


def test_the_command_knows_every_format_that_there_is(capsys: Output) -> None:
    with pytest.raises(SystemExit):
        main(["data", "add", "--help"])
    assert "{" + ",".join(sorted(FORMATS)) + "}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "digit"], "Did you mean 'digits'?"),
        (["verify", "nothing"], "Known: clinic, digits, "),
        (["remove", "signs"], "ships with labkit"),
        (["add", "/nowhere/at/all", "mine"], "there is none at"),
        (["add", ".", "Mine!"], "expected a name of lower-case letters"),
        (["add", ".", "digits"], "expected a name that is free"),
        (["show", "digits", "--sheet", "sheet.txt"], "ends in .png"),
        (["show", "digits", "--sheet", "/nowhere/at/all/sheet.png"], "cannot write"),
    ],
)
def test_a_mistake_ends_with_2_and_a_message_on_standard_error(
    arguments: list[str], says: str, capsys: Output
) -> None:
    assert main(["data", *arguments]) == 2
    told = capsys.readouterr()
    assert says in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("shape", ["1,two,2", "", "1;2;3", "-1,2,2"])
def test_a_shape_that_is_no_shape_is_a_usage_error(table: Path, shape: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["data", "add", str(table), "mail", f"--shape={shape}"])
    assert caught.value.code == 2
    assert "whole numbers" in capsys.readouterr().err


def test_a_sheet_has_a_row_of_pictures_for_every_class() -> None:
    digits = data.load("digits")
    page = np.asarray(data.contact_sheet(digits, columns=3, split="test"))
    factor, row = 6, 14 + 4 + 48 + 4
    assert page.shape == (4 + 10 * row, 4 + 3 * (48 + 4), 3)
    first = digits.test.x[digits.test.y == 7][1, 0].numpy()
    top, left = 4 + 7 * row + 14 + 4, 4 + 48 + 4
    shown = page[top : top + 48 : factor, left : left + 48 : factor, 0]
    assert np.array_equal(shown, (first * 255).round())


def test_a_sheet_needs_images_and_sensible_arguments(table: Path, tmp_path: Path) -> None:
    data.add(table, "mail", label_column="kind")
    with pytest.raises(InvalidInputError, match="expected images"):
        data.contact_sheet(data.load("mail"))
    with pytest.raises(InvalidInputError, match="one column or more"):
        data.contact_sheet(data.load("digits"), columns=0)
    with pytest.raises(InvalidInputError, match="'train' or 'test'"):
        data.contact_sheet(data.load("digits"), split="all")
    with pytest.raises(StorageError, match="cannot write"):
        data.save_sheet(data.load("digits"), tmp_path / "no" / "sheet.png")
