"""The evidence pack: it grows, it says when something was altered, and it prints."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
import torch
from safetensors.torch import load_file

from labkit.core import IntegrityError, InvalidInputError, StorageError
from labkit.evidence import EvidencePack

FACTS = {
    "threat_model": {"norm": "linf", "epsilon": 0.15},
    "checkpoints": {
        "white-box": {
            "title": "Fool it",
            "measured": 0.125,
            "target": "at most 0.2",
            "passed": True,
            "attempts": 2,
        },
        "price": {
            "title": "Pay",
            "measured": None,
            "target": "at least 0.9",
            "passed": False,
            "attempts": 1,
        },
    },
}


class Clock:
    def __init__(self):
        self.now = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def pack(tmp_path):
    return EvidencePack(tmp_path / "pack", clock=Clock())


def test_a_pack_grows_and_keeps_its_order(pack):
    pack.add("L02", "Robustness", FACTS, scenario="digits", seed=7)
    pack.add("L00", "First finding", {}, scenario="digits", seed=7)

    first, second = pack.entries()
    assert (first.lab, first.scenario, first.seed, first.title) == ("L02", "digits", 7, "Robustness")
    assert first.at == "2030-01-02T03:04:06+00:00"
    assert first.facts["threat_model"] == {"norm": "linf", "epsilon": 0.15}
    assert second.lab == "L00"
    with pytest.raises(FrozenInstanceError):
        first.seed = 8


def test_measurements_stay_in_the_order_of_the_lab(pack):
    pack.add("L02", "Robustness", FACTS)

    assert list(pack.entries()[0].facts["checkpoints"]) == ["white-box", "price"]
    assert pack.html().index("Fool it") < pack.html().index("Pay")
    assert "Added 2030-01-02 03:04 UTC" in pack.html()


def test_a_tensor_is_kept_as_safetensors(pack):
    x_adv = torch.arange(6.0).view(2, 3).T
    pack.add("L02", "Robustness", {}, {"x_adv": x_adv, "notes": "by hand", "raw": b"\x00"})

    paths = {artifact.name: pack.path / artifact.path for artifact in pack.entries()[0].artifacts}
    assert torch.equal(load_file(paths["x_adv"])["x_adv"], x_adv)
    assert paths["notes"].read_text(encoding="utf-8") == "by hand"
    assert paths["raw"].read_bytes() == b"\x00"


def test_a_pack_that_nobody_touched_verifies(pack):
    pack.add("L02", "Robustness", FACTS, {"x_adv": torch.zeros(2)})

    assert pack.verify() == []


def test_an_altered_artefact_is_found(pack):
    pack.add("L02", "Robustness", {}, {"x_adv": torch.zeros(2), "notes": "mine"})
    first, second = (pack.path / artifact.path for artifact in pack.entries()[0].artifacts)

    first.write_bytes(first.read_bytes()[:-1] + b"\x01")
    second.unlink()

    altered, missing = pack.verify()
    assert altered.endswith("x_adv.safetensors was altered")
    assert missing.endswith("notes.txt is missing")


def test_an_altered_fact_is_found(pack):
    path = pack.add("L02", "Robustness", FACTS)
    path.write_text(path.read_text(encoding="utf-8").replace("0.125", "0.025"), encoding="utf-8")

    assert pack.verify() == [f"L02: {path.name} was altered"]


def test_an_entry_cannot_point_outside_the_pack(pack, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("mine", encoding="utf-8")
    path = pack.add("L02", "Robustness", {}, {"notes": "mine"})
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["artifacts"][0]["path"] = "files/../../secret"
    path.write_text(json.dumps(raw), encoding="utf-8")

    assert "L02: files/../../secret lies outside the pack" in pack.verify()


def test_a_damaged_entry_is_named(pack):
    path = pack.add("L02", "Robustness", {})
    path.write_text("{", encoding="utf-8")

    with pytest.raises(IntegrityError, match=path.name):
        pack.entries()
    assert len(pack.verify()) == 1


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a\\b", "", ".", "..", ".hidden", "a" * 81, "a\n", "a.", "C:"]
)
def test_a_name_that_is_no_file_name_is_refused(pack, name):
    with pytest.raises(InvalidInputError, match="expected a name"):
        pack.add("L02", "Robustness", {}, {name: b""})
    with pytest.raises(InvalidInputError, match="expected a name"):
        pack.add(name, "Robustness", {})
    assert not pack.path.exists()


def test_names_that_would_share_a_file_are_refused(pack):
    with pytest.raises(InvalidInputError, match="stay different"):
        pack.add("L02", "Robustness", {}, {"Notes": "a", "notes": "b"})


def test_facts_that_json_cannot_hold_are_refused(pack):
    with pytest.raises(InvalidInputError, match="expected facts that JSON can hold"):
        pack.add("L02", "Robustness", {"model": object()})
    with pytest.raises(InvalidInputError, match="expected bytes, text or a tensor"):
        pack.add("L02", "Robustness", {}, {"model": 3})
    assert not pack.path.exists()


def test_a_number_that_is_none_becomes_nothing(pack):
    pack.add("L02", "Robustness", {"rate": float("nan"), "more": [float("inf"), 1.0]})

    assert pack.entries()[0].facts == {"rate": None, "more": [None, 1.0]}


def test_a_disk_that_takes_nothing_gives_a_clear_message(pack):
    pack.path.parent.mkdir(parents=True, exist_ok=True)
    pack.path.write_text("a file in the place of the folder", encoding="utf-8")

    with pytest.raises(StorageError, match="Free some space, or set LABKIT_HOME"):
        pack.add("L02", "Robustness", {})


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.scopes, self.open = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "th":
            self.scopes.append(dict(attrs).get("scope"))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_readable_by_a_screen_reader(pack):
    pack.add("L02", "Robustness", FACTS, {"x_adv": torch.zeros(2)}, scenario="digits", seed=7)
    page = pack.write_html().read_text(encoding="utf-8")

    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    assert reader.tags.count("h1") == 1
    assert reader.tags.count("table") == reader.tags.count("caption") == 3
    assert set(reader.scopes) == {"col", "row"}
    assert '<html lang="en">' in page
    assert "@media print" in page
    assert "scenario digits, variant 7" in page
    assert "0.125" in page


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(pack):
    pack.add("L02", "<script>alert(1)</script>", {"<b>": "<img src=x onerror=alert(1)>", "checkpoints": "no"})
    page = pack.html()

    assert "<script" not in page
    assert "<img" not in page
    assert "http" not in page


def test_an_empty_pack_says_so(pack):
    assert "Nothing has been added yet" in pack.html()
    assert pack.entries() == []
    assert pack.verify() == []
