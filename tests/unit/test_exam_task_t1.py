"""T1: a case file that only reading opens, and hand-ins that read nothing."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from labkit.core.errors import InvalidInputError
from labkit.exams.task import load_code
from labkit.governance.controls import need_of, reasons
from labkit.governance.obligations import TIERS, classify, facts, obligations
from tests.exam_players import (
    bot,
    issued,
    mark,
    metrics,
    problems,
    share,
    solution_table,
    task_of,
    variants_of,
)

VARIANTS = variants_of("T1")
BEST = {"why_tier": 2, "why_excluded": 3, "why_residual": 1}
ONE = VARIANTS["v01"]


@pytest.mark.parametrize("name", VARIANTS)
def test_reading_earns_everything_and_doing_nothing_earns_nothing(name: str) -> None:
    variant = VARIANTS[name]
    assert share("T1", variant, bot("T1", "reference", variant)) == pytest.approx(1)
    assert share("T1", variant, bot("T1", "nothing", variant)) == 0
    assert share("T1", variant, {}) == 0
    assert share("T1", variant, bot("T1", "lazy", variant)) < 0.3


def test_the_materials_hold_neither_seed_nor_facts_nor_key() -> None:
    for variant in VARIANTS.values():
        told = issued("T1", variant).facts
        text = json.dumps({key: value for key, value in told.items() if key not in ("facts", "fact_ids")})
        assert str(variant.seed) not in text
        assert variant.seed.bit_length() > 50
        assert not any(f'"{fact}"' in text for fact in facts().keys() - TIERS.keys())
        assert not issued("T1", variant).tensors


def test_halden_has_a_role_in_every_variant_and_an_open_question_of_one_is_not_drawn() -> None:
    assert all(classify(keys_of(variant).system).roles for variant in VARIANTS.values())
    for use in ("twins", "gate", "adverts"):
        with pytest.raises(InvalidInputError, match="a role"):
            keys_of(replace(ONE, params={**ONE.params, "use": use, "hand": "relabelled"}))


TELLING = {each.id for each in obligations() if each.standard.startswith("eu-ai-act/50(")}


@pytest.mark.parametrize(
    ("held", "argued"),
    [
        ("annex-i-section-b", {"eu-literacy", *TELLING}),
        ("prohibited", TELLING),
        ("covered-entity", {"us-hipaa-vendors"}),
    ],
)
def test_no_key_hangs_on_a_duty_that_one_may_argue_about(held: str, argued: set[str]) -> None:
    cases = [keys_of(variant) for variant in VARIANTS.values()]
    concerned = [case for case in cases if held in {*case.facts, classify(case.system).tier}]
    assert concerned
    assert not any(argued & ({each.id for each in case.options} | case.binding) for case in concerned)


def read(memo: str) -> set[str]:
    table = solution_table("T1", "UNDERLINED")
    return {fact for words, facts in table.items() if words in memo for fact in facts.split()}


def test_the_solution_reads_out_of_every_sentence_the_facts_that_it_states() -> None:
    bank = load_code(task_of("T1"), "case_files").bank()
    for kind in ("use", "hand", "data", "pace"):
        for part in bank[kind].values():
            assert read(part["text"]) == set(part["facts"]), part["text"]
            gone = {"decides-purposes", "e-phi", "covered-entity"}
            assert read(part.get("away", "")) == set(part["facts"] if "away" in part else ()) - gone
    assert not read(" ".join(bank["noise"].values()))
    assert all(read(" ".join(keys_of(each).paragraphs)) == keys_of(each).facts for each in VARIANTS.values())


def test_the_solution_reads_each_sentence_about_the_risk_in_one_way() -> None:
    bank = load_code(task_of("T1"), "case_files").bank()
    right = {
        "LIKELIHOOD": {text: int(key) for key, texts in bank["likelihood"].items() for text in texts},
        "IMPACT": {text: int(key) for key, texts in bank["impact"].items() for text in texts},
        "OWNER": {event["text"]: event["owner"] for event in bank["event"].values()},
    }
    everything = [*(text for key in right.values() for text in key), *bank["cover"].values()]
    for name, key in right.items():
        table = solution_table("T1", name)
        for text in everything:
            said = {answer for answer, words in table.items() if any(each in text for each in words)}
            assert said == ({key[text]} if text in key else set()), text
    idle = solution_table("T1", "ACTS_ON_NOTHING")
    for measure in bank["idle"]["measures"]:
        assert any(words in measure for words in idle)
    helping = [measure for event in bank["event"].values() for measure in event["helps"]]
    assert not any(words in measure for measure in helping for words in idle)


def test_tiers_and_verdicts_differ_over_the_pool() -> None:
    tiers = Counter(metrics_facts(variant)["tier"] for variant in VARIANTS.values())
    assert len(tiers) == 5
    assert max(tiers.values()) <= 0.4 * len(VARIANTS)
    for variant in VARIANTS.values():
        assert len({each.split()[1] for each in metrics_facts(variant)["verdicts"].split(", ")}) > 1


def metrics_facts(variant):
    from labkit.exams.task.playing import measure

    return measure(task_of("T1"), variant, {}).facts


def test_the_list_of_duties_does_not_tell_which_system_is_banned() -> None:
    """Bans stand in every list, as many where one of them binds as where none does."""
    known = {each.id: each for each in obligations()}
    listed = {sum(known[id].ban for id in issued("T1", each).facts["duty_ids"]) for each in VARIANTS.values()}
    assert len(listed) == 1


def test_one_answer_for_every_variant_earns_little_beyond_the_justifications() -> None:
    tiers = ("prohibited", "high-risk-annex-i", "high-risk-annex-iii", "transparency", "minimal")
    roles = (["provider", "deployer"], ["deployer"], ["provider"], ["importer"])
    for tier, role, verdict, applies in itertools.product(tiers, roles, ("go", "no-go"), ("yes", "no")):
        shares = []
        for variant in VARIANTS.values():
            told = issued("T1", variant).facts
            why = "applies" if applies == "yes" else "not-developed-here"
            shares.append(
                share(
                    "T1",
                    variant,
                    {
                        **BEST,
                        "facts_read": ["uses-at-work", "personal-data", "decides-purposes"],
                        "tier": tier,
                        "roles": role,
                        "duties": told["duty_ids"],
                        "statement": [
                            {"control": each, "applies": applies, "why": why} for each in told["control_ids"]
                        ],
                        "release": [
                            {"jurisdiction": place, "verdict": verdict, "because": told["because_ids"][0]}
                            for place in told["places"]
                        ],
                        "risk_likelihood": 3,
                        "risk_impact": 3,
                        "risk_owner": "security lead",
                        "risk_treatment": "mitigate",
                        "risk_residual": 1.8,
                    },
                )
            )
        assert sum(shares) / len(shares) < 0.37


def keys_of(variant):
    return load_code(task_of("T1"), "case_files").case_file(variant)


def usual(variants):
    """Return what a player says who has learned what is usual, and reads only which lists are offered."""
    keys = [keys_of(each) for each in variants]
    often = Counter(fact for key in keys for fact in key.facts)
    sorts = [classify(key.system) for key in keys]
    binds, needs, verdicts = defaultdict(list), defaultdict(Counter), defaultdict(Counter)
    for key in keys:
        for duty in key.options:
            binds[duty.id, duty.id not in key.undone].append(duty.id in key.binding)
        for name in key.controls:
            need = need_of(name, key.facts)
            needs[name][("yes", "applies") if need.needed else ("no", need.reason)] += 1
        for place, decision in key.decisions.items():
            verdicts[place][decision.verdict] += 1

    def likely(duty) -> float:
        known = binds[duty["id"], duty["done"]]
        return sum(known) / len(known) if known else 0.0

    def play(told):
        rows = []
        for place in told["places"]:
            open_ones = [
                each
                for each in told["duties"]
                if each["jurisdiction"] == place and not each["done"] and likely(each) > 0.5
            ]
            verdict = verdicts[place].most_common(1)[0][0] if open_ones else "go"
            because = max(open_ones, key=likely)["id"] if open_ones and verdict != "go" else "nothing"
            rows.append({"jurisdiction": place, "verdict": verdict, "because": because})
        lines = {name: needs[name].most_common(1)[0][0] for name in told["control_ids"] if needs[name]}
        return {
            **BEST,
            "facts_read": [fact for fact, count in often.items() if count > len(keys) / 2],
            "tier": Counter(each.tier for each in sorts).most_common(1)[0][0],
            "roles": list(Counter(each.roles for each in sorts).most_common(1)[0][0]),
            "duties": [each["id"] for each in told["duties"] if likely(each) > 0.5],
            "statement": [
                {"control": name, "applies": applies, "why": why} for name, (applies, why) in lines.items()
            ],
            "release": rows,
            "risk_likelihood": 3,
            "risk_impact": 3,
            "risk_owner": told["owners"][0],
            "risk_treatment": "mitigate",
            "risk_residual": 1.8,
        }

    return play


def test_saying_what_is_usual_passes_on_no_variant() -> None:
    """The priors come from 150 case files of the same sentences: whoever practised long enough knows them."""
    bank, draw = load_code(task_of("T1"), "case_files").bank(), random.Random(1)
    drawn = [
        replace(
            ONE,
            seed=draw.getrandbits(63),
            params={
                "use": draw.choice(sorted(bank["use"])),
                "hand": draw.choice(sorted(bank["hand"])),
                "place": draw.choice(("SG", "UK")),
            },
        )
        for _ in range(150)
    ]
    play = usual(each for each in drawn if possible(each))
    shares = {name: share("T1", each, play(issued("T1", each).facts)) for name, each in VARIANTS.items()}
    assert max(shares.values()) < 0.55, shares
    assert sum(shares.values()) / len(shares) < 0.4


def possible(variant) -> bool:
    try:
        return bool(keys_of(variant).facts)
    except InvalidInputError:  # a release whose places cannot differ is not drawn
        return False


@pytest.mark.parametrize("name", ["v01", "v07", "v13"])
def test_everything_ticked_finds_nothing(name: str) -> None:
    told = issued("T1", VARIANTS[name]).facts
    found = metrics("T1", VARIANTS[name], {"facts_read": told["fact_ids"], "duties": told["duty_ids"]})
    assert found["facts_read"] == found["duties"] == found["consistent"] == 0


def test_each_wrong_duty_takes_a_right_one_back() -> None:
    right = bot("T1", "reference", ONE)["duties"]
    wrong = [each for each in issued("T1", ONE).facts["duty_ids"] if each not in right]
    values = [metrics("T1", ONE, {"duties": right + wrong[:count]})["duties"] for count in range(3)]
    assert values == pytest.approx([1, 1 - 1 / len(right), 1 - 2 / len(right)])


def test_a_control_or_a_place_that_is_stated_twice_is_not_stated() -> None:
    good = bot("T1", "reference", ONE)
    flipped = [
        {**row, "applies": {"yes": "no", "no": "yes"}[row["applies"]], "why": next(iter(reasons()))}
        for row in good["statement"]
    ]
    assert metrics("T1", ONE, {"statement": good["statement"] + flipped})["statement"] == 0
    assert metrics("T1", ONE, {"statement": good["statement"] * 2})["statement"] == 0
    every = [
        {"jurisdiction": row["jurisdiction"], "verdict": verdict, "because": row["because"]}
        for row in good["release"]
        for verdict in ("go", "conditions", "no-go")
    ]
    assert metrics("T1", ONE, {"release": every})["release"] == 0


def test_a_verdict_without_its_reason_does_not_count() -> None:
    good = bot("T1", "reference", ONE)["release"]
    stopped = next(row for row in good if row["verdict"] != "go")
    others = [row for row in good if row is not stopped]
    assert metrics("T1", ONE, {"release": good})["release"] == 1
    lost = metrics("T1", ONE, {"release": [*others, {**stopped, "because": "nothing"}]})["release"]
    assert lost < 1


def test_answers_that_follow_from_no_reading_are_not_consistent() -> None:
    """No facts lead to the tier minimal without a role; that agrees with itself, and earns nothing."""
    empty = metrics("T1", ONE, {"facts_read": [], "tier": "minimal", "roles": []})
    assert empty["consistent"] == 0
    good = bot("T1", "reference", ONE)
    assert metrics("T1", ONE, good)["consistent"] == 1
    assert metrics("T1", ONE, {**good, "tier": "minimal"})["consistent"] == pytest.approx(2 / 3)


def test_a_banned_practice_that_is_let_go_costs_the_task() -> None:
    banned = [each for each in VARIANTS.values() if metrics_facts(each)["tier"] == "prohibited"]
    assert banned
    for variant in banned:
        good = bot("T1", "reference", variant)
        rows = [
            {**row, "verdict": "go", "because": "nothing"} if row["jurisdiction"] == "EU" else row
            for row in good["release"]
        ]
        found = mark("T1", variant, {**good, "release": rows})
        assert found.earned == 0
        assert found.critical
    assert not mark("T1", ONE, bot("T1", "nothing", ONE)).critical


def test_arguable_facts_decide_nothing() -> None:
    cases = load_code(task_of("T1"), "case_files")
    for variant in VARIANTS.values():
        case = cases.case_file(variant)
        for fact in case.arguable:
            with_it = type(case.system)(**{**_fields(case.system), "facts": case.facts | {fact}})
            assert classify(with_it).tier == classify(case.system).tier
            assert set(classify(with_it).roles) == set(classify(case.system).roles)
        good = bot("T1", "reference", variant)
        found = metrics("T1", variant, {**good, "facts_read": [*good["facts_read"], *case.arguable]})
        assert found["facts_read"] == 1


def _fields(system):
    return {name: getattr(system, name) for name in type(system).__dataclass_fields__}


def test_what_is_no_answer_is_refused_and_measures_nothing() -> None:
    assert "risk_residual" in problems("T1", ONE, {"risk_residual": math.nan})
    assert "risk_likelihood" in problems("T1", ONE, {"risk_likelihood": 3.5})
    assert "duties" in problems("T1", ONE, {"duties": ["eu-literacy", "no-such-duty"]})
    assert metrics("T1", ONE, {"risk_residual": math.nan})["risk_entry"] == 0
    assert metrics("T1", ONE, {"risk_residual": -0.0})["risk_entry"] == 0


def test_an_examiner_may_bring_wordings_that_nobody_has_read() -> None:
    from dataclasses import replace

    own = replace(ONE, params={**ONE.params, "words": {"use.instalments": "A text of our own."}})
    assert "A text of our own." in issued("T1", own).facts["case_file"]
    assert metrics("T1", own, bot("T1", "reference", own))["facts_read"] == 1
