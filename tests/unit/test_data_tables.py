"""CSV tables: features, pixels, and what is refused with its line and column."""

from pathlib import Path

import pytest

import labkit.data as data
from labkit.core.errors import DataFormatError, InvalidInputError, UnknownNameError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path / "home"))


def write(folder: Path, text: str, *, encoding: str = "utf-8") -> Path:
    path = folder / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


def good(rows: int = 6) -> str:
    return "a,b,label\n" + "".join(f"{k},{-k / 2},{k % 2}\n" for k in range(rows))


def test_features_become_a_vector(tmp_path: Path) -> None:
    card = data.add(write(tmp_path, good()), "mine")
    assert card.shape == (2,)
    assert card.classes == ("0", "1")


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_semicolons_and_tabs_are_understood_and_so_is_a_byte_order_mark(
    tmp_path: Path, delimiter: str
) -> None:
    path = write(tmp_path, good().replace(",", delimiter), encoding="utf-8-sig")
    assert data.add(path, "mine").shape == (2,)


def test_whole_number_classes_are_ordered_by_value(tmp_path: Path) -> None:
    text = "a,label\n" + "".join(f"{k},{label}\n" for label in (10, 2, 1) for k in range(2))
    assert data.add(write(tmp_path, text), "mine").classes == ("1", "2", "10")


def test_the_label_column_may_be_named(tmp_path: Path) -> None:
    text = good().replace("label", "kind of mail")
    path = write(tmp_path, text)
    with pytest.raises(DataFormatError, match=r":1: expected a column called label.*--label-column"):
        data.add(path, "mine")
    with pytest.raises(UnknownNameError, match="Did you mean 'kind of mail'"):
        data.add(path, "mine", label_column="kind of mails")
    assert data.add(path, "mine", label_column="kind of mail").shape == (2,)


@pytest.mark.parametrize(("scale", "highest"), [(255, 255), (1, 1.0)])
def test_pixel_columns_become_images(tmp_path: Path, scale: int, highest: float) -> None:
    heading = ",".join(["label", *(f"pixel{k}" for k in range(4))])
    rows = "".join(f"{k % 2},0,{highest},{scale * 0.2},0\n" for k in range(8))
    card = data.add(write(tmp_path, f"{heading}\n{rows}"), "mine", shape=(1, 2, 2))
    assert card.shape == (1, 2, 2)
    assert data.load("mine").train.x[0].flatten().tolist() == pytest.approx([0, 1, 0.2, 0])


def test_pixels_out_of_range_or_of_another_number_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="0 to 255"):
        data.add(write(tmp_path, good()), "mine", shape=(1, 1, 2))
    with pytest.raises(InvalidInputError, match="expected 4 columns of pixels"):
        data.add(write(tmp_path, good()), "mine", shape=(1, 2, 2))


@pytest.mark.parametrize("cell", ["", "NaN", "nan", "inf", "-Infinity", "1e39", "twelve", " ", "0x10", "1,5"])
def test_a_cell_that_is_no_finite_number_is_refused_with_line_and_column(tmp_path: Path, cell: str) -> None:
    quoted = f'"{cell}"' if "," in cell else cell
    path = write(tmp_path, good().replace("3,-1.5,1", f"3,{quoted},1"))
    with pytest.raises(
        DataFormatError, match=rf"table\.csv:5: expected a finite number in 'b', got '{cell}'"
    ):
        data.add(path, "mine")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a column called"),
        ("a,b,label\n", "got none"),
        ("label\n1\n2\n", "expected columns of numbers"),
        ("a,a,label\n1,2,x\n", "distinct names"),
        (good() + "1,2\n", ":8: expected 3 cells, got 2"),
        (good() + "1,2,3,4\n", ":8: expected 3 cells, got 4"),
        (good() + "1,2,\n", ":8: the label in 'label' is empty"),
        ("a,label\n1,x\n2,x\n", "two classes or more"),
        ('a,label\n1,"x\ny"\n2,z\n', "printable"),
        ("a,label\n0.1,0.5\n0.2,0.7\n0.3,0.9\n", "is the label column the right one"),
    ],
)
def test_a_table_that_makes_no_data_set_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DataFormatError, match=says):
        data.add(write(tmp_path, text), "mine")


def test_text_in_another_encoding_and_binary_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="UTF-8"):
        data.add(write(tmp_path, "größe,label\n1,x\n", encoding="latin-1"), "mine")
    with pytest.raises(DataFormatError):
        data.add(write(tmp_path, good() + '"' + "x" * 200_000 + '",1,1\n'), "mine")
    with pytest.raises(DataFormatError, match="got a folder"):
        data.add(tmp_path, "mine", format="csv")
