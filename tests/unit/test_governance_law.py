"""Classification, duties, release decisions and the age of facts, on the days that matter."""

import json
import tomllib
from datetime import date, timedelta

import pytest

from labkit.cli import main
from labkit.core import DeclarationError, InvalidInputError, UnknownNameError
from labkit.governance import standards
from labkit.governance.obligations import (
    ROLES,
    TIERS,
    Contract,
    System,
    changes_ahead,
    classify,
    decide,
    duties_of,
    fact_groups,
    facts,
    milestones,
    obligations,
    read_system,
    rules,
    stale_facts,
    transitions,
)
from labkit.governance.obligations.declarations import fact_gaps, read_obligations

READ_ON = date(2026, 11, 23)


def system(*held, places=("EU",)):
    return System("it", "It", "A system.", frozenset(held), places)


LISTED = ("credit-scoring", "builds-under-own-name")
PRODUCT = ("annex-i-product", "third-party-assessment", "builds-under-own-name")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.id)
def test_every_rule_asks_for_known_facts_and_cites_an_entry(rule):
    assert rule.when | rule.unless <= facts().keys()
    assert standards.lookup(rule.standard).confidence in ("primary", "secondary")
    assert rule.says.endswith(".")


@pytest.mark.parametrize(
    ("held", "tier"),
    [
        (("emotion-inference-at-work",), "prohibited"),
        (("emotion-inference-at-work", "medical-or-safety-purpose"), "high-risk-annex-iii"),
        (("emotion-recognition", "narrow-task"), "transparency"),
        (("remote-identification", "narrow-task"), "minimal"),
        (("infrastructure-safety", "narrow-task"), "minimal"),
        (("infrastructure-safety", "narrow-task", "profiles-people"), "high-risk-annex-iii"),
        (("intimate-images",), "prohibited"),
        (PRODUCT, "high-risk-annex-i"),
        ((*PRODUCT, "convenience-function"), "minimal"),
        (("annex-i-product",), "minimal"),
        (LISTED, "high-risk-annex-iii"),
        ((*LISTED, "fraud-detection"), "minimal"),
        (("remote-identification", "one-to-one-verification"), "minimal"),
        (("employment-decision", "narrow-task"), "minimal"),
        (("employment-decision", "narrow-task", "profiles-people"), "high-risk-annex-iii"),
        (("talks-to-people",), "transparency"),
        (("talks-to-people", "obviously-a-machine"), "minimal"),
        (("general-purpose-model", "generates-content"), "general-purpose-model"),
        ((), "minimal"),
    ],
)
def test_the_use_decides_the_tier_and_exceptions_count(held, tier):
    assert classify(system(*held)).tier == tier


@pytest.mark.parametrize(
    ("held", "roles"),
    [
        (("builds-under-own-name", "uses-at-work"), ("provider", "deployer")),
        (("imports-from-outside-eu",), ("importer",)),
        (("resells-unchanged",), ("distributor",)),
        (("uses-at-work",), ("deployer",)),
        (("employment-decision", "rebrands", "resells-unchanged"), ("provider",)),
        (("employment-decision", "gives-new-purpose", "uses-at-work"), ("provider", "deployer")),
    ],
)
def test_the_name_on_it_and_what_is_done_decide_the_role(held, roles):
    assert classify(system(*held)).roles == roles


def test_a_new_name_makes_a_provider_only_where_the_system_is_high_risk():
    assert classify(system("rebrands", "uses-at-work")).role == "deployer"


def test_a_medical_reason_lifts_the_ban_on_emotions_and_leaves_the_listed_use_with_its_duties():
    it = system("emotion-inference-at-work", "medical-or-safety-purpose", "uses-at-work")
    names = {duty.obligation.id for duty in duties_of(it)}
    assert {"eu-deployer", "eu-tell-exposed"} <= names
    assert "eu-ban-emotions-at-work" not in names
    scored = System("it", "It", "A system.", it.facts | {"social-scoring"})
    assert "eu-ban-emotions-at-work" not in {duty.obligation.id for duty in duties_of(scored)}


@pytest.mark.parametrize("more", [(), ("emotion-recognition",)])
def test_what_is_banned_is_not_listed_as_well(more):
    """Annex III, point 1 holds only in so far as the use is permitted."""
    it = system("emotion-inference-at-work", "builds-under-own-name", "uses-at-work", *more)
    assert classify(it).tiers == ("prohibited", "transparency")
    assert "eu-deployer" not in {duty.obligation.id for duty in duties_of(it)}


@pytest.mark.parametrize(
    ("held", "binds"),
    [
        (("personal-data", "decides-purposes"), True),
        (("personal-data", "uses-at-work"), True),
        (("personal-data", "builds-under-own-name", "offered-to-customers"), False),
        (("personal-data", "resells-unchanged"), False),
        (("uses-at-work",), False),
    ],
)
def test_data_are_secured_by_whoever_processes_them_and_not_by_whoever_only_sells(held, binds):
    assert ("eu-gdpr-security" in {duty.obligation.id for duty in duties_of(system(*held))}) is binds


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (("narrow-task",), None),
        (("narrow-task", "talks-to-people"), None),
        (("narrow-task", "profiles-people"), None),
        (("narrow-task", "credit-scoring", "fraud-detection"), None),
        (("narrow-task", "employment-decision"), "way-out"),
        (("narrow-task", "emotion-recognition"), "way-out"),
        (("narrow-task", "employment-decision", "profiles-people"), "no-way-out"),
    ],
)
def test_the_way_out_of_the_list_is_for_systems_that_are_on_it(held, said):
    found = {each.rule.id for each in classify(system(*held)).findings} & {"way-out", "no-way-out"}
    assert found == ({said} if said else set())


def test_every_rule_about_a_listed_use_lets_out_a_narrow_task():
    listed = [rule for rule in rules() if rule.gives == "high-risk-annex-iii"]
    assert {rule.id for rule in listed if "narrow-task" not in rule.unless} == set()


def test_a_product_of_section_b_is_high_risk_and_meets_its_duties_through_the_product_law():
    machine = system(*PRODUCT, "annex-i-section-b")
    assert classify(machine).tier == "high-risk-annex-i"
    assert "eu-robustness" in {duty.obligation.id for duty in duties_of(system(*PRODUCT))}
    assert "eu-robustness" not in {duty.obligation.id for duty in duties_of(machine)}
    listed_too = system(*PRODUCT, "annex-i-section-b", "employment-decision")
    days = {duty.obligation.id: duty.applies_from for duty in duties_of(listed_too)}
    assert days["eu-robustness"] == date(2027, 12, 2)


def test_facts_come_in_groups_that_hold_each_of_them_once():
    grouped = [fact for group in fact_groups().values() for fact in group]
    assert sorted(grouped) == sorted(facts())


def test_a_near_miss_says_which_fact_stopped_it():
    (near,) = [each for each in classify(system(*LISTED, "fraud-detection")).near]
    assert near.stopped_by == ("fraud-detection",)
    assert "III.5" in str(near)


def test_a_high_risk_system_may_owe_transparency_as_well():
    found = classify(system(*LISTED, "talks-to-people"))
    assert found.tiers == ("high-risk-annex-iii", "transparency")
    assert {"eu-robustness", "eu-tell-people"} <= {
        duty.obligation.id for duty in duties_of(system(*LISTED, "talks-to-people"))
    }


def test_a_card_with_an_unknown_fact_or_place_is_refused():
    card = {"id": "a", "title": "A", "text": "t", "facts": ["credit-scorin"]}
    with pytest.raises(UnknownNameError, match="credit-scoring"):
        read_system(card)
    with pytest.raises(UnknownNameError, match="jurisdiction"):
        read_system({**card, "facts": [], "jurisdictions": ["Mars"]})
    with pytest.raises(InvalidInputError, match="expected a card"):
        read_system({"id": "a"})


# ------------------------------------------------------------------ dates


@pytest.mark.parametrize(
    ("name", "held", "day"),
    [
        ("eu-literacy", ("uses-at-work",), date(2025, 2, 2)),
        ("eu-ban-social-scoring", ("social-scoring",), date(2025, 2, 2)),
        ("eu-ban-intimate-images", ("intimate-images",), date(2026, 12, 2)),
        ("eu-ban-abuse-material", ("abuse-material",), date(2026, 12, 2)),
        ("eu-robustness", LISTED, date(2027, 12, 2)),
        ("eu-robustness", PRODUCT, date(2028, 8, 2)),
        ("eu-deployer", ("credit-scoring", "uses-at-work"), date(2027, 12, 2)),
        ("eu-tell-people", ("talks-to-people", "builds-under-own-name"), date(2026, 8, 2)),
        ("eu-mark-content", ("generates-content", "builds-under-own-name"), date(2026, 8, 2)),
        (
            "eu-mark-content",
            ("generates-content", "builds-under-own-name", "on-the-market-before-2026-08-02"),
            date(2026, 12, 2),
        ),
        ("eu-model-documents", ("general-purpose-model", "builds-under-own-name"), date(2025, 8, 2)),
        (
            "eu-model-documents",
            ("general-purpose-model", "builds-under-own-name", "model-before-2025-08-02"),
            date(2027, 8, 2),
        ),
    ],
)
def test_the_days_are_those_of_the_amended_act(name, held, day):
    (duty,) = [each for each in duties_of(system(*held)) if each.obligation.id == name]
    assert duty.applies_from == day


def test_both_annexes_at_once_are_bound_by_the_earlier_day():
    both = system(*PRODUCT, "credit-scoring")
    days = {duty.obligation.id: duty.applies_from for duty in duties_of(both)}
    assert days["eu-risk-management"] == date(2027, 12, 2)


def test_days_with_an_unclear_reading_are_marked_and_kept_out_of_checks():
    unsettled = {each.id for each in obligations() if not each.settled}
    assert {"eu-registration", "eu-incidents", "eu-conformity", "sg-human-involvement"} <= unsettled
    assert {"eu-robustness", "eu-literacy", "us-hipaa-risk"}.isdisjoint(unsettled)


def test_every_jurisdiction_says_what_the_facts_do_not_hold():
    assert set(fact_gaps()) == {"EU", "US", "UK", "SG"}


# ------------------------------------------------------------------ release


def test_a_release_before_the_duties_is_conditional_and_after_them_it_is_blocked():
    it = system(*LISTED, "significant-changes")
    met = {duty.obligation.id for duty in duties_of(it)} - {"eu-robustness"}
    before = decide(it, date(2027, 12, 1), met)["EU"]
    assert before.verdict == "conditions"
    assert [(each.obligation.id, each.applies_from) for each in before.conditions] == [
        ("eu-robustness", date(2027, 12, 2))
    ]
    after = decide(it, date(2027, 12, 2), met)["EU"]
    assert after.verdict == "no-go"
    assert [each.obligation.id for each in after.blocking] == ["eu-robustness"]


def test_a_design_that_stays_as_it_is_never_comes_under_duties_that_begin_later():
    it = system(*LISTED)
    met = {duty.obligation.id for duty in duties_of(it)} - {"eu-robustness"}
    assert decide(it, date(2027, 6, 1), met)["EU"].verdict == "go"
    assert decide(it, date(2028, 6, 1), met)["EU"].verdict == "no-go"


def test_advice_never_blocks_and_a_ban_always_does():
    it = system("talks-to-people", "builds-under-own-name", places=("EU", "US", "UK", "SG"))
    met = {duty.obligation.id for duty in duties_of(it) if duty.obligation.binding}
    decisions = decide(it, date(2027, 1, 1), met)
    assert {each.verdict for each in decisions.values()} == {"go"}
    assert decisions["UK"].recommended
    banned = system("social-scoring", "uses-at-work")
    assert decide(banned, READ_ON, {"eu-literacy"})["EU"].verdict == "no-go"


@pytest.mark.parametrize("ban", sorted(each.id for each in obligations() if each.ban))
def test_nobody_can_report_a_ban_as_fulfilled(ban):
    (found,) = (each for each in obligations() if each.id == ban)
    it = system(*found.when, "uses-at-work")
    decision = decide(it, date(2027, 1, 1), {duty.obligation.id for duty in duties_of(it)})["EU"]
    assert decision.verdict == "no-go"
    assert ban in {duty.obligation.id for duty in decision.blocking}


def test_an_older_system_of_a_public_authority_complies_by_august_2030():
    held = ("public-benefits", "builds-under-own-name")
    public = system(*held, "public-authority")
    met = {duty.obligation.id for duty in duties_of(public)} - {"eu-robustness"}
    before = decide(public, date(2027, 6, 1), met)["EU"]
    assert [(each.obligation.id, each.applies_from) for each in before.conditions] == [
        ("eu-robustness", date(2030, 8, 2))
    ]
    assert decide(public, date(2027, 12, 2), met)["EU"].verdict == "no-go"
    changing = system(*held, "public-authority", "significant-changes")
    assert decide(changing, date(2027, 6, 1), met)["EU"].conditions[0].applies_from == date(2027, 12, 2)
    private = system(*held, "public-service")
    assert decide(private, date(2027, 6, 1), met)["EU"].verdict == "go"
    imported = system("public-benefits", "imports-from-outside-eu", "public-authority")
    assert decide(imported, date(2027, 6, 1), ())["EU"].conditions == ()


def test_a_public_body_and_a_private_one_with_a_public_service_both_assess_fundamental_rights():
    for who in ("public-authority", "public-service"):
        it = system("public-benefits", "uses-at-work", who)
        assert "eu-fria" in {duty.obligation.id for duty in duties_of(it)}


def test_what_is_declared_about_older_systems_says_where_it_was_read():
    for each in transitions():
        assert each.source
        assert date.fromisoformat(each.as_of) <= READ_ON
        assert f"{each.by.day} {each.by:%B %Y}" in standards.lookup(each.standard).summary
        assert each.confidence in ("primary", "secondary")


# ------------------------------------------------------------------ contracts

PLACES = ("EU", "US", "UK", "SG")


def test_card_rules_bind_by_contract_in_every_place():
    it = system("card-data", places=PLACES)
    found = [duty for duty in duties_of(it) if duty.obligation.standard.startswith("pci-dss/")]
    assert {duty.obligation.jurisdiction for duty in found} == set(PLACES)
    assert {duty.force for duty in found} == {"contract"}
    assert all(duty.in_force(READ_ON) for duty in found)
    decisions = decide(it, READ_ON, ())
    assert {place: decisions[place].verdict for place in PLACES} == dict.fromkeys(PLACES, "no-go")
    assert any("31 March 2025" in duty.obligation.note for duty in found)


def test_card_rules_bind_from_the_day_on_which_cards_are_taken_there():
    later = Contract("SG", "cards", date(2028, 2, 1))
    it = System("it", "It", "A system.", frozenset({"card-data"}), PLACES, (later,))
    met = {duty.obligation.id for duty in duties_of(it)} - {"sg-pci-storage"}
    (condition,) = decide(it, date(2027, 3, 1), met)["SG"].conditions
    assert (condition.obligation.id, condition.applies_from) == ("sg-pci-storage", date(2028, 2, 1))
    assert decide(it, date(2028, 2, 1), met)["SG"].verdict == "no-go"


def test_advice_that_was_promised_to_a_partner_binds_in_that_place_only():
    promise = Contract("UK", "code", date(2027, 2, 1))
    it = System("it", "It", "A system.", frozenset(), PLACES, (promise,))
    assert decide(it, date(2027, 1, 1), ())["UK"].verdict == "conditions"
    after = decide(it, date(2027, 3, 1), ())
    assert (after["UK"].verdict, after["SG"].verdict) == ("no-go", "go")
    assert {duty.force for duty in after["UK"].blocking} == {"contract"}
    assert after["SG"].recommended
    assert str(promise).startswith("United Kingdom: ")


def test_a_ban_that_is_not_in_force_yet_is_a_condition_until_its_day():
    it = system("intimate-images", "builds-under-own-name")
    met = {"eu-literacy"}
    assert decide(it, date(2026, 12, 1), met)["EU"].verdict == "conditions"
    assert decide(it, date(2026, 12, 2), met)["EU"].verdict == "no-go"


# ------------------------------------------------------------------ age of facts


def test_nothing_is_stale_after_180_days_and_everything_after_181():
    assert stale_facts(READ_ON + timedelta(days=180)) == ()
    old = stale_facts(READ_ON + timedelta(days=181))
    assert {"eu-ai-act", "gdpr", "obligations/obligations.toml"} <= {each.standard for each in old}
    assert all(each.age_days == 181 for each in old)
    assert stale_facts(READ_ON + timedelta(days=181), days=200) == ()
    with pytest.raises(InvalidInputError):
        stale_facts(READ_ON, -1)


def test_what_changes_on_days_ahead_is_listed_in_order():
    ahead = {change.day: change for change in changes_ahead(READ_ON)}
    assert list(ahead) == sorted(ahead)
    assert {date(2026, 12, 2), date(2027, 12, 2), date(2028, 8, 2)} <= ahead.keys()
    assert ahead[date(2026, 12, 2)].days_left == 9
    assert "eu-ban-intimate-images" in ahead[date(2026, 12, 2)].begins
    assert "eu-robustness" in ahead[date(2027, 12, 2)].begins
    assert "eu-robustness" in ahead[date(2028, 8, 2)].begins
    assert date(2026, 12, 2) not in {change.day for change in changes_ahead(date(2026, 12, 2))}


def test_a_milestone_is_an_entry_of_its_own_day():
    ahead = {change.day: change.entries for change in changes_ahead(READ_ON)}
    assert "eu-ai-act/2027-12-02" in ahead[date(2027, 12, 2)]
    assert "eu-ai-act/5(1)(ba)" in ahead[date(2026, 12, 2)]


def test_the_timeline_is_in_order_and_holds_entry_into_force():
    days = [milestone.day for milestone in milestones()]
    assert days == sorted(days)
    assert date(2024, 8, 1) in days


# ------------------------------------------------------------------ declarations


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"standard": "eu-ai-act/Art. 999"}, "Art. 999"),
        ({"from": "soon"}, "Invalid isoformat"),
        ({"roles": ["owner"]}, "unknown role owner"),
        ({"tiers": ["high"]}, "unknown tier high"),
        ({"when": ["nice"]}, "unknown fact nice"),
        ({"jurisdiction": "Mars"}, "unknown jurisdiction"),
        ({"force": "habit"}, "unknown force"),
        ({"colour": "red"}, "unknown keys colour"),
    ],
)
def test_a_wrong_declaration_names_the_obligation_and_the_mistake(tmp_path, change, message):
    good = {
        "id": "one",
        "jurisdiction": "EU",
        "title": "One",
        "text": "Do it.",
        "standard": "eu-ai-act/Art. 9",
        "from": "2027-12-02",
    }
    lines = [f"{key} = {value!r}" for key, value in {**good, **change}.items()]
    path = tmp_path / "obligations.toml"
    path.write_text("[[obligation]]\n" + "\n".join(lines))
    assert tomllib.loads(path.read_text())
    with pytest.raises(DeclarationError, match="one") as caught:
        read_obligations(path)
    assert message in str(caught.value)


def test_two_obligations_of_one_name_are_refused(tmp_path):
    one = """
[[obligation]]
id = "a"
jurisdiction = "EU"
title = "A"
text = "Do it."
standard = "gdpr/Art. 6"
from = "in force"
"""
    path = tmp_path / "obligations.toml"
    path.write_text(one * 2)
    with pytest.raises(DeclarationError, match="twice"):
        read_obligations(path)


def test_words_for_tiers_and_roles_are_ordered_from_the_heaviest():
    assert next(iter(TIERS)) == "prohibited"
    assert list(TIERS)[-1] == "minimal"
    assert list(ROLES) == ["provider", "importer", "distributor", "deployer"]


def test_the_command_fails_a_nightly_job_only_when_facts_are_old(capsys):
    assert main(["standards", "--lint", "--on", "2026-12-01"]) == 0
    assert "2026-12-02" in capsys.readouterr().out
    assert main(["standards", "--lint", "--on", "2027-06-01"]) == 1
    assert "eu-ai-act" in capsys.readouterr().out
    assert main(["standards", "--lint", "--on", "2027-06-01", "--days", "365", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["stale"] == []
    assert found["ahead"][0]["day"] == "2027-08-02"
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["standards", "--lint", "--on", "next summer"])
    assert "YYYY-MM-DD" in capsys.readouterr().err
