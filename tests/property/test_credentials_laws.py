"""Laws of what credentials stand on: status bits, Merkle proofs, canonical forms; no change goes unseen."""

import copy
import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.core.errors import DataFormatError
from labkit.credentials import merkle
from labkit.credentials.carriers import badge_in
from labkit.credentials.carriers.html import badge_link
from labkit.credentials.carriers.svg import baked
from labkit.credentials.encoding import (
    base58_decode,
    base58_encode,
    base64url_decode,
    base64url_encode,
    canonical_json,
    strict_json,
)
from labkit.credentials.published import read_published
from labkit.credentials.status import SIZE, bit, decode_bits, encode_bits
from labkit.credentials.times import later, moment, written
from labkit.credentials.verify import verify
from tests.unit.badge_files import ROOT, SVG, attached, pdf, stream
from tests.unit.offices import NOW, issued, office_at

INDICES = st.sets(st.integers(0, SIZE - 1), max_size=40)


@given(INDICES)
def test_the_bits_that_were_set_are_set_and_no_others(indices):
    bits = decode_bits(encode_bits(indices))
    assert len(bits) * 8 == SIZE
    assert sum(byte.bit_count() for byte in bits) == len(indices)
    assert all(bit(bits, index) for index in indices)


def test_the_first_bit_is_the_highest_of_the_first_byte():
    assert decode_bits(encode_bits([0]))[0] == 0x80
    assert decode_bits(encode_bits([7, 8]))[:2] == b"\x01\x80"


@given(st.integers())
def test_an_index_outside_of_the_list_is_an_error(index):
    bits = bytes(SIZE // 8)
    if 0 <= index < SIZE:
        assert bit(bits, index) is False
    else:
        with pytest.raises(DataFormatError):
            bit(bits, index)


@pytest.mark.parametrize("size", [0, 8, SIZE - 8])
def test_a_list_below_the_size_of_the_standard_is_refused(size):
    import gzip

    with pytest.raises(DataFormatError):
        decode_bits("u" + base64url_encode(gzip.compress(bytes(size // 8))))


def test_a_list_that_unpacks_to_a_flood_or_is_cut_off_is_refused():
    import gzip

    flood = gzip.compress(bytes(200 * 2**20), compresslevel=9)
    good = gzip.compress(bytes(SIZE // 8))
    for packed in (flood, good[:-4], good + b"x", b"", b"rubbish"):
        with pytest.raises(DataFormatError):
            decode_bits("u" + base64url_encode(packed))


@given(st.integers(1, 70), st.data())
@settings(max_examples=60)
def test_every_entry_is_proved_at_its_place_and_nowhere_else(size, data):
    leaves = [merkle.leaf_hash(bytes([each])) for each in range(size)]
    root, index = merkle.root(leaves), data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(leaves, index)
    assert len(proof) <= (size - 1).bit_length()
    assert merkle.inclusion_holds(leaves[index], index, size, proof, root)
    other = data.draw(st.integers(0, size))
    if other != index:
        assert not merkle.inclusion_holds(leaves[index], other, size, proof, root)
    assert not merkle.inclusion_holds(merkle.leaf_hash(b"other"), index, size, proof, root)
    assert not merkle.inclusion_holds(leaves[index], index, size, [*proof, root], root)
    if proof:
        assert not merkle.inclusion_holds(leaves[index], index, size, proof[:-1], root)


@given(st.integers(1, 70), st.data())
@settings(max_examples=60)
def test_growth_is_proved_and_a_changed_past_is_not(size, data):
    leaves = [merkle.leaf_hash(bytes([each])) for each in range(size)]
    earlier = data.draw(st.integers(1, size))
    proof = merkle.consistency_proof(leaves, earlier)
    before, after = merkle.root(leaves[:earlier]), merkle.root(leaves)
    assert merkle.consistency_holds(earlier, size, before, after, proof)
    changed = data.draw(st.integers(0, earlier - 1))
    rewritten = [*leaves[:changed], merkle.leaf_hash(b"rewritten"), *leaves[changed + 1 :]]
    assert not merkle.consistency_holds(
        earlier, size, before, merkle.root(rewritten), merkle.consistency_proof(rewritten, earlier)
    )


def test_roots_are_those_of_the_tree_in_rfc_6962():
    # The empty tree, and the test vectors of Certificate Transparency for one and for eight entries.
    entries = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    leaves = [merkle.leaf_hash(bytes.fromhex(each)) for each in entries]
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@given(st.binary(max_size=80))
def test_bytes_come_back_from_base58_and_base64(content):
    assert base58_decode(base58_encode(content)) == content
    assert base64url_decode(base64url_encode(content)) == content


@given(st.text(max_size=40))
def test_no_text_but_the_right_one_is_read_as_base64(text):
    try:
        content = base64url_decode(text)
    except (DataFormatError, UnicodeEncodeError):
        return
    assert base64url_encode(content) == text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_canonical_json_does_not_depend_on_how_it_was_written(value):
    turned = json.loads(json.dumps(dict(reversed(value.items())), indent=3))
    assert canonical_json(turned) == canonical_json(value)
    assert strict_json(canonical_json(value)) == value


@given(st.datetimes(min_value=moment("2000-01-31T00:00:00Z").replace(tzinfo=None)), st.integers(0, 120))
def test_so_many_months_later_is_that_month(at, months):
    from datetime import UTC

    if at.year > 9980:
        return
    at = at.replace(tzinfo=UTC, microsecond=0)
    found = later(at, months=months)
    assert (found.year * 12 + found.month) - (at.year * 12 + at.month) == months
    assert found.day == at.day or (found.day < at.day and (found.day, found.month) >= (28, 1))
    assert moment(written(found)) == found


def _places(value, path=()):
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        yield from _places(each, (*path, key))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    office, keys = office_at(tmp_path_factory.mktemp("laws") / "office")
    folder = issued(office, keys)
    return read_published(office.public), json.loads((folder / "badge.json").read_text())


@given(st.data())
@settings(max_examples=60)
def test_no_place_in_a_badge_can_be_changed_or_taken_away(made, data):
    published, badge = made
    places = [path for path in _places(badge) if path]
    path = data.draw(st.sampled_from(places))
    changed = copy.deepcopy(badge)
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    how = data.draw(st.sampled_from(["take away", "set", "add"]))
    if how == "take away":
        del inside[path[-1]]
    elif how == "set":
        inside[path[-1]] = data.draw(
            st.text(min_size=1, max_size=6) | st.integers() | st.none() | st.booleans()
        )
    elif isinstance(inside[path[-1]], dict):
        inside[path[-1]][data.draw(st.text(min_size=1, max_size=6))] = data.draw(
            st.text(max_size=3) | st.none()
        )
    if changed != badge:
        assert not verify(json.dumps(changed).encode(), [published], at=NOW).valid


BADGE = '{"name": "Ada ]]> & <b> (x) \\\\"}'
CARRIERS = [
    pdf(ROOT, attached(3), stream(BADGE.encode())),
    f"{SVG}<openbadges:credential>{baked(BADGE)}</openbadges:credential></svg>".encode(),
    f"<!doctype html><a {badge_link(BADGE)}>badge.json</a>".encode(),
]


@settings(max_examples=300)
@given(st.data())
def test_a_carrier_with_anything_changed_in_it_gives_a_text_or_a_reason(data):
    content = bytearray(data.draw(st.sampled_from(CARRIERS)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        end = data.draw(st.integers(at, min(at + 30, len(content))))
        content[at:end] = data.draw(
            st.binary(max_size=8) | st.sampled_from([b"<<", b">>", b"(", b"/", b"<", b"&", b"]]>"])
        )
    # Nothing else is raised, whatever the file is.
    with suppress(DataFormatError):
        assert isinstance(badge_in(bytes(content)).text, str)


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1))
def test_what_is_put_into_a_carrier_comes_out_as_it_was(badge):
    text = json.dumps(badge, ensure_ascii=False)
    files = [
        pdf(ROOT, attached(3), stream(text.encode())),
        f"{SVG}<openbadges:credential>{baked(text)}</openbadges:credential></svg>".encode(),
        f"<!doctype html><a {badge_link(text)}>badge.json</a>".encode(),
    ]
    for each in files:
        assert json.loads(badge_in(each).text) == badge
