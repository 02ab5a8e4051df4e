"""T7: accusations that are measured again, and the ways to accuse without measuring."""

from __future__ import annotations

import json
import math

import pytest
import torch

from labkit.core.protocols import predict
from labkit.exams.issued import load_model
from labkit.exams.task import load_code
from labkit.metrics import binomial_p_value
from tests.exam_players import bot, issued, mark, metrics, problems, share, task_of, variants_of

VARIANTS = variants_of("T7")
FEW = {name: VARIANTS[name] for name in ("v01", "v02", "v03", "v04")}
OWNERSHIP, AUDIT = VARIANTS["v01"], VARIANTS["v02"]
BEST = {"why_ordinary": 3, "why_line": 2, "why_again": 1}


def key_of(variant):
    return load_code(task_of("T7"), "suspects").suspicion(variant)


@pytest.mark.parametrize("name", FEW)
def test_measuring_earns_everything_and_doing_nothing_earns_nothing(name: str) -> None:
    variant = FEW[name]
    assert share("T7", variant, bot("T7", "reference", variant)) == pytest.approx(1)
    assert share("T7", variant, bot("T7", "nothing", variant)) == 0
    assert share("T7", variant, {}) == 0


@pytest.mark.parametrize("name", FEW)
def test_measuring_and_accusing_nobody_settles_no_dispute(name: str) -> None:
    variant = FEW[name]
    found = mark("T7", variant, bot("T7", "lazy", variant))
    assert not found.critical
    assert found.earned / found.points < 0.31
    assert sum(line.earned for line in found.lines if line.part == "outcome") == 0


@pytest.mark.parametrize("name", FEW)
def test_caution_about_one_suspect_costs_what_that_one_is_worth(name: str) -> None:
    variant, key = FEW[name], key_of(FEW[name])
    good = bot("T7", "reference", variant)
    guilty = [suspect for suspect, truth in zip("ABCDE", key.truth, strict=True) if truth != key.innocent]
    doubted = guilty[0]
    rows = [
        {**row, "verdict": key.innocent if row["suspect"] == doubted else row["verdict"]}
        for row in good["verdicts"]
    ]
    found = metrics("T7", variant, {**good, "verdicts": rows})
    assert found["wrongly_accused"] == 0
    assert found["figures"] == pytest.approx(1 - 1 / len(guilty))
    assert found["ordinary"] == 1


def test_both_families_have_twelve_variants() -> None:
    families = [variant.params["family"] for variant in VARIANTS.values()]
    assert families.count("ownership") == families.count("audit") == 12


def test_the_materials_say_nothing_about_how_a_suspect_was_made() -> None:
    for variant in FEW.values():
        given = issued("T7", variant)
        text = json.dumps({key: value for key, value in given.facts.items() if key != "verdicts"})
        assert str(variant.seed) not in text
        assert not any(
            word in text for word in ("framed", "pruned", "rival", "hidden", "plain", "by district")
        )
        shapes = {
            name: [tuple(t.shape) for key, t in given.tensors.items() if key.startswith(f"{name}/")]
            for name in "ABCDE"
        }
        assert len({str(each) for each in shapes.values()}) == 1
        assert all(bool(torch.isfinite(each).all()) for each in given.tensors.values())


def test_a_copy_cannot_be_told_by_laying_weights_beside_each_other() -> None:
    given, key = issued("T7", OWNERSHIP), key_of(OWNERSHIP)
    name = next(key for key, tensor in given.tensors.items() if key.startswith("ours/") and tensor.dim() == 2)
    ours = given.tensors[name].flatten()
    for suspect, verdict in zip("ABCDE", key.truth, strict=True):
        theirs = given.tensors[name.replace("ours", suspect)].flatten()
        alike = float(torch.cosine_similarity(ours, theirs, dim=0))
        assert abs(alike) < 0.3, (suspect, verdict)


@pytest.mark.parametrize("name", ["v01", "v03"])
def test_the_published_keys_frame_an_innocent(name: str) -> None:
    variant = FEW[name]
    given, key = issued("T7", variant), key_of(variant)
    right = predict(load_model(given, "ABCDE"[key.trap]), given.tensors["keys_x"]) == given.tensors["keys_y"]
    assert binomial_p_value(int(right.sum()), len(right), 0.1) < 1e-3
    good = bot("T7", "reference", variant)
    rows = [
        {**row, "verdict": "copy"} if row["suspect"] == "ABCDE"[key.trap] else row for row in good["verdicts"]
    ]
    found = mark("T7", variant, {**good, "verdicts": rows})
    assert found.earned == 0
    assert found.critical


@pytest.mark.parametrize("name", ["v02", "v04"])
def test_a_gap_between_the_groups_accuses_the_wrong_one(name: str) -> None:
    key = key_of(FEW[name])
    assert key.evidence[key.trap] == 0
    assert key.ordinary[key.trap] > 0.1
    guilty = [gap for gap, verdict in zip(key.ordinary, key.truth, strict=True) if verdict != "clean"]
    assert key.ordinary[key.trap] > min(guilty)


@pytest.mark.parametrize("name", FEW)
def test_one_verdict_for_all_earns_nothing(name: str) -> None:
    variant = FEW[name]
    for verdict in issued("T7", variant).facts["verdicts"]:
        for evidence in (0.0, 0.1, 0.5, 1.0):
            rows = [
                {"suspect": each, "verdict": verdict, "evidence": evidence, "ordinary": 0.9}
                for each in "ABCDE"
            ]
            found = metrics("T7", variant, {"verdicts": rows})
            assert found["verdicts"] == 0
            assert found["figures"] == 0
            assert found["trap"] == 0
            assert share("T7", variant, {**BEST, "verdicts": rows, "claim": 0.0}) < 0.31


@pytest.mark.parametrize(("variant", "of", "near"), [(OWNERSHIP, 30, 1), (AUDIT, 800, 5)])
def test_evidence_is_near_within_one_key_or_five_files_as_the_brief_says(variant, of, near) -> None:
    good = bot("T7", "reference", variant)
    for off, share_near in ((near, 1.0), (near + 1, 0.0)):
        rows = [
            {
                **row,
                "evidence": (row["evidence"] + off / of)
                if row["evidence"] < 0.5
                else row["evidence"] - off / of,
            }
            for row in good["verdicts"]
        ]
        assert metrics("T7", variant, {**good, "verdicts": rows})["figures"] == share_near


def test_whoever_is_accused_without_having_done_anything_costs_the_task() -> None:
    for variant in (OWNERSHIP, AUDIT):
        accusing = issued("T7", variant).facts["verdicts"]
        verdict = accusing[0] if accusing[0] == "copy" else accusing[-1]
        rows = [{"suspect": each, "verdict": verdict, "evidence": 1.0, "ordinary": 1.0} for each in "ABCDE"]
        found = mark("T7", variant, {**BEST, "verdicts": rows, "claim": 0.0})
        assert found.critical
        assert found.earned == 0


def test_a_claim_beyond_what_is_measured_loses_the_outcome() -> None:
    for variant, step in ((OWNERSHIP, -3.0), (AUDIT, 3.0)):
        good = bot("T7", "reference", variant)
        for claim in (good["claim"] + step, 0.0):
            found = mark("T7", variant, {**good, "claim": claim})
            assert sum(line.earned for line in found.lines if line.part == "outcome") == 0
        near = mark("T7", variant, {**good, "claim": good["claim"] + 0.5})
        assert near.earned == pytest.approx(6)
        without = mark("T7", variant, {key: value for key, value in good.items() if key != "claim"})
        assert without.earned <= 0.4 * 6 + 1e-9


def test_a_suspect_about_whom_two_rows_are_handed_in_is_not_judged() -> None:
    good = bot("T7", "reference", OWNERSHIP)
    both = [{**row, "verdict": verdict} for row in good["verdicts"] for verdict in ("copy", "not shown")]
    found = metrics("T7", OWNERSHIP, {**good, "verdicts": both})
    assert found["verdicts"] == found["figures"] == found["wrongly_accused"] == 0


def test_another_variants_answers_are_worth_little() -> None:
    for mine, other in ((OWNERSHIP, VARIANTS["v03"]), (AUDIT, VARIANTS["v04"])):
        assert share("T7", mine, bot("T7", "reference", other)) < 0.5


def test_the_order_of_the_rows_does_not_count_and_nonsense_is_refused() -> None:
    good = bot("T7", "reference", AUDIT)
    assert share("T7", AUDIT, {**good, "verdicts": good["verdicts"][::-1]}) == pytest.approx(1)
    wrong = [{**row, "evidence": math.nan} for row in good["verdicts"]]
    assert "verdicts" in problems("T7", AUDIT, {"verdicts": wrong})
    assert metrics("T7", AUDIT, {"verdicts": wrong})["figures"] == 0
    assert "claim" in problems("T7", AUDIT, {"claim": math.inf})
