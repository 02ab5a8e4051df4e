"""Laws of what T1, T2 and T7 measure: what is so never lowers it, noise never raises it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.governance.threatmodel.catalogue import catalogue
from tests.exam_players import bot, issued, metrics, variants_of

VERDICTS = ("clean", "by group, said", "by group, hidden", "part of the group")
T1, T2, T7 = (variants_of(name)["v02"] for name in ("T1", "T2", "T7"))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_right_duty_never_lowers_and_a_wrong_one_never_raises(data: st.DataObject) -> None:
    listed = issued("T1", T1).facts["duty_ids"]
    right = set(bot("T1", "reference", T1)["duties"])
    chosen = data.draw(st.sets(st.sampled_from(listed)))
    more = data.draw(st.sampled_from(listed))
    before = metrics("T1", T1, {"duties": sorted(chosen)})["duties"]
    after = metrics("T1", T1, {"duties": sorted(chosen | {more})})["duties"]
    assert 0 <= before <= 1
    assert after >= before if more in right else after <= before


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_right_threat_never_lowers_and_a_false_alarm_never_raises(data: st.DataObject) -> None:
    told = issued("T2", T2).facts
    right = {(row["element"], row["category"]): row for row in bot("T2", "reference", T2)["threats"]}
    pairs = st.tuples(st.sampled_from(told["part_ids"]), st.sampled_from("STRIDE"))
    chosen = data.draw(st.sets(st.one_of(pairs, st.sampled_from(sorted(right))), max_size=20))
    more = data.draw(st.one_of(pairs, st.sampled_from(sorted(right))))

    def rows(keys):
        other = {"technique": "none", "note": told["note_ids"][0]}
        return [right.get(key, {"element": key[0], "category": key[1], **other}) for key in sorted(keys)]

    before = metrics("T2", T2, {"threats": rows(chosen)})
    after = metrics("T2", T2, {"threats": rows(chosen | {more})})
    for name in ("threats", "techniques", "grounded"):
        assert 0 <= before[name] <= 1
        assert after[name] >= before[name] if more in right else after[name] <= before[name]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(catalogue().controls)), max_size=30))
def test_no_order_of_controls_removes_more_than_the_best(names: list[str]) -> None:
    found = metrics("T2", T2, {"controls": [{"control": name} for name in names]})["risk_removed"]
    assert 0 <= found <= 1 + 1e-9


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(VERDICTS), min_size=5, max_size=5))
def test_verdicts_earn_all_only_where_all_are_right(said: list[str]) -> None:
    right = [row["verdict"] for row in bot("T7", "reference", T7)["verdicts"]]
    rows = [
        {"suspect": name, "verdict": each, "evidence": 0.5, "ordinary": 0.5}
        for name, each in zip("ABCDE", said, strict=True)
    ]
    found = metrics("T7", T7, {"verdicts": rows})
    assert 0 <= found["verdicts"] <= 1
    assert (found["verdicts"] == 1) == (said == right)
    wrongly = sum(s != "clean" and r == "clean" for s, r in zip(said, right, strict=True))
    assert found["wrongly_accused"] == wrongly
