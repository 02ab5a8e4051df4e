"""Laws of a user's own data: whatever the bytes, a data set comes out whole or a clear error does."""

import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.core.errors import DataFormatError, LabkitError
from labkit.data.formats import FORMATS, Options, read_source
from labkit.data.loading import split_by_hash

LAWS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@LAWS
@given(content=st.binary(max_size=400), name=st.sampled_from(["a.csv", "a.tar.gz", "a.tgz", "a.bin"]))
def test_random_bytes_end_in_a_labkit_error(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        for form in (None, *FORMATS):
            with pytest.raises(LabkitError):
                read_source(path, form, Options())


@LAWS
@given(images=st.binary(max_size=200), sizes=st.lists(st.integers(0, 2**32 - 1), max_size=4))
def test_an_idx_file_is_read_whole_or_refused(images: bytes, sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        head = bytes([0, 0, 8, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)
        labels = bytes([0, 0, 8, 1]) + struct.pack(">I", 2) + bytes([0, 1])
        (Path(folder) / "train-images-idx3-ubyte").write_bytes(head + images)
        (Path(folder) / "train-labels-idx1-ubyte").write_bytes(labels)
        try:
            found = read_source(Path(folder), None, Options())
        except DataFormatError:
            return
        assert found.train.x.size == len(images)


@LAWS
@given(
    values=st.lists(
        st.tuples(st.floats(-1e30, 1e30), st.floats(-1e30, 1e30), st.sampled_from("xyz")),
        min_size=1,
        max_size=30,
    )
)
def test_a_table_of_numbers_is_read_value_for_value(values: list[tuple[float, float, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text("a,b,label\n" + "".join(f"{a!r},{b!r},{c}\n" for a, b, c in values))
        if len({c for _, _, c in values}) < 2:
            with pytest.raises(DataFormatError):
                read_source(path, None, Options())
            return
        found = read_source(path, None, Options())
        assert np.array_equal(found.train.x, np.array([row[:2] for row in values]).astype(np.float32))
        assert [found.classes[k] for k in found.train.y] == [row[2] for row in values]


@LAWS
@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    share=st.floats(0.05, 0.5),
    salt=st.text(max_size=8),
)
def test_a_split_loses_nothing_and_keeps_every_class_of_two_in_both(
    labels: list[int], share: float, salt: str
) -> None:
    doubled = labels + labels
    x = torch.arange(len(doubled), dtype=torch.float32)[:, None]
    train, test = split_by_hash(x, torch.tensor(doubled), salt, share)
    assert sorted([*train.x.flatten().tolist(), *test.x.flatten().tolist()]) == list(range(len(doubled)))
    assert set(train.y.tolist()) == set(test.y.tolist()) == set(labels)
    assert all(doubled[int(row)] == label for row, label in zip(test.x, test.y, strict=True))
