"""Whatever bytes come, the reader of submissions returns what they say or refuses them."""

import json
import struct
import zipfile

from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.core.errors import DataFormatError
from labkit.evidence.entry import canonical
from labkit.exams.envelope.reading import read_envelope
from labkit.exams.envelope.strict import read_json, read_json_lines, tensor_header
from tests.exam_submissions import zipped

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('ab"\\[{', max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [
        "manifest.json",
        "form.json",
        "form.sig.json",
        "log.jsonl",
        "answers.json",
        "hand_ins/T5/hand_in.json",
        "x",
        "a/../b",
    ]
)


@given(VALUES)
def test_strict_json_is_read_as_python_reads_it(value):
    content = canonical(value)
    assert read_json("value", content) == json.loads(content)
    assert read_json_lines("lines", content + b"\n", most=1 << 20, lines=3) == [json.loads(content)]


@given(st.binary(max_size=200) | st.text('{}[]",:0eEN\\\\u', max_size=60).map(str.encode))
def test_bytes_are_read_as_json_or_refused(content):
    try:
        value = read_json("bytes", content)
    except DataFormatError:
        return
    assert value == json.loads(content)


@given(st.binary(max_size=120), st.integers(0, 60), VALUES)
def test_bytes_are_taken_as_tensors_or_refused(tail, size, header):
    for content in (
        tail,
        struct.pack("<Q", size) + tail,
        struct.pack("<Q", len(canonical(header))) + canonical(header) + tail,
    ):
        try:
            found = tensor_header("bytes", content)
        except DataFormatError:
            continue
        assert all(isinstance(shape, tuple) for _, shape in found.values())


@settings(max_examples=60)
@given(
    st.dictionaries(NAMES, st.binary(max_size=60) | VALUES.map(canonical), max_size=6), st.binary(max_size=20)
)
def test_any_archive_is_read_or_refused(members, tail):
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for content in (
            zipped(members.items(), compression),
            zipped(members.items(), compression) + tail,
            tail,
        ):
            try:
                envelope = read_envelope(content)
            except DataFormatError:
                continue
            assert set(envelope.refused) <= set(members) | set(envelope.manifest.get("files") or ())
