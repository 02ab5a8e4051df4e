"""Statistics of an exam, against published worked examples and other people's code."""

import csv
import json
import math

import numpy as np
import pytest
from scipy import stats

from labkit.cli import main
from labkit.core.errors import DataFormatError, InvalidInputError
from labkit.exams.blueprint import read_blueprint
from labkit.exams.records.sheets import sheet_of
from labkit.exams.statistics import (
    Assumptions,
    Plan,
    Section,
    answer_seconds,
    corrected_point_biserial,
    cronbach_alpha,
    cut_of,
    differential_items,
    effective_length,
    fit_true_scores,
    impossible_times,
    kr20,
    kr21,
    livingston_k2,
    livingston_lewis,
    lord_csem,
    mantel_haenszel,
    panel_of,
    plan_of,
    question_statistics,
    read_panel,
    responses_of,
    similar_pairs,
    simulate_scores,
    simulate_sheets,
    stratified_alpha,
    subkoviak,
    summarise,
    trade_off,
    try_plan,
    variant_families,
    wilson,
)

BLUEPRINT = read_blueprint()

# Wuensch, "The Kuder-Richardson 20" (East Carolina University): ten students, ten items.
WUENSCH = """1111110110 1011011101 1111011001 0010001000 0000010010
1110111111 1101110111 1111111101 0101111101 1101101110"""

# Bock & Lieberman, "Fitting a Response Model for n Dichotomously Scored Items", Psychometrika 1970:
# section 6 of the Law School Admission Test, how many of 1000 answered in each of 32 ways.
LSAT6 = (
    3,
    6,
    2,
    11,
    1,
    1,
    3,
    4,
    1,
    8,
    0,
    16,
    0,
    3,
    2,
    15,
    10,
    29,
    14,
    81,
    3,
    28,
    15,
    80,
    16,
    56,
    21,
    173,
    11,
    61,
    28,
    298,
)


def _wuensch():
    return np.array([[int(each) for each in row] for row in WUENSCH.split()], dtype=float)


def _lsat6():
    ways = [[int(bit) for bit in f"{number:05b}"] for number in range(32)]
    return np.repeat(np.array(ways, dtype=float), LSAT6, axis=0)


def test_kr20_of_a_worked_example():
    scores = _wuensch()
    assert scores.sum(axis=1).var() == pytest.approx(5.84)
    assert (scores.mean(axis=0) * (1 - scores.mean(axis=0))).sum() == pytest.approx(2.18)
    assert kr20(scores) == pytest.approx(10 / 9 * (1 - 2.18 / 5.84))


def test_alpha_and_point_biserials_of_lsat6_are_those_of_ltm():
    # As descript() of the R package ltm prints them (Rizopoulos, Journal of Statistical Software 2006).
    scores = _lsat6()
    assert scores.shape == (1000, 5)
    assert cronbach_alpha(scores) == pytest.approx(0.2950, abs=5e-5)
    excluded = (0.1128, 0.1532, 0.1728, 0.1444, 0.1216)
    assert corrected_point_biserial(scores) == pytest.approx(excluded, abs=1.5e-4)


def test_point_biserials_agree_with_scipy():
    scores = _lsat6()
    for column, found in enumerate(corrected_point_biserial(scores)):
        rest = scores.sum(axis=1) - scores[:, column]
        assert found == pytest.approx(stats.pointbiserialr(scores[:, column], rest).statistic)


def test_alpha_is_what_an_analysis_of_variance_gives():
    # Hoyt, "Test Reliability Estimated by Analysis of Variance", Psychometrika 1941: 1 - residual / persons.
    scores = np.random.default_rng(0).normal(size=(40, 7)) + np.random.default_rng(1).normal(size=(40, 1))
    n, k = scores.shape
    persons = k * scores.mean(axis=1).var(ddof=1)
    residual = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + scores.mean()
    assert cronbach_alpha(scores) == pytest.approx(1 - (residual**2).sum() / ((n - 1) * (k - 1)) / persons)


def test_kr20_takes_right_and_wrong_alone():
    with pytest.raises(InvalidInputError, match="partial credit"):
        kr20([[0.5, 1], [0, 1]])


@pytest.mark.parametrize("scores", [np.empty((0, 3)), [[1, 1]], [[1], [0]], [[1, 1], [1, 1]]])
def test_what_cannot_be_told_is_no_number(scores):
    assert math.isnan(cronbach_alpha(scores))


@pytest.mark.parametrize("scores", [[1, 0, 1], [[math.inf, 1]], "no table", [[1, 2], [1]]])
def test_what_is_no_table_of_scores_is_refused(scores):
    with pytest.raises(InvalidInputError, match="expected"):
        cronbach_alpha(scores)


def test_alpha_of_forms_that_differ_estimates_that_of_one_form():
    rng = np.random.default_rng(5)
    _, items, _ = simulate_scores(Plan((), (1.0,) * 60, 0.7), rng.standard_normal(4000), 5)
    whole = cronbach_alpha(items[:, :30])
    drawn = items.copy()
    for row in drawn:
        row[rng.permutation(60)[:30]] = np.nan
    assert cronbach_alpha(drawn) == pytest.approx(whole, abs=0.03)


def test_the_reliability_of_a_sum_of_parts():
    scores = _wuensch()
    alone = kr20(scores)
    assert stratified_alpha([(alone, scores.sum(axis=1))]) == pytest.approx(alone)
    # Two halves of one test, told apart, are at least as reliable as one that is not.
    halves = [(kr20(half), half.sum(axis=1)) for half in (scores[:, :5], scores[:, 5:])]
    error = sum(total.var() * (1 - alpha) for alpha, total in halves)
    assert stratified_alpha(halves) == pytest.approx(1 - error / 5.84)


def test_lord_at_the_cut_of_the_prototype():
    assert lord_csem(38.1, 60) == pytest.approx(3.76, abs=5e-3)
    assert lord_csem([0, 60], 60) == pytest.approx([0, 0])


def test_the_mean_of_lords_error_variance_gives_kr21():
    # Lord, "Estimating Test Reliability", Educational and Psychological Measurement 1955.
    totals = _wuensch().sum(axis=1)
    error = (lord_csem(totals, 10) ** 2).mean()
    assert kr21(totals, 10) == pytest.approx(1 - error / totals.var())


def test_livingstons_k2_at_the_mean_is_the_reliability_and_grows_away_from_it():
    # Livingston, Journal of Educational Measurement 1972.
    assert livingston_k2(0.6, 30.0, 25.0, 30.0) == pytest.approx(0.6)
    assert livingston_k2(0.6, 30.0, 25.0, 35.0) == pytest.approx((0.6 * 25 + 25) / 50)
    assert livingston_k2(0.0, 30.0, 25.0, 40.0) == pytest.approx(100 / 125)


def _two_forms(n=100_000):
    """Return true shares and two forms of fifty items, drawn as the models below assume."""
    rng = np.random.default_rng(0)
    true = 0.15 + 0.8 * rng.beta(6, 3, n)
    return true, rng.binomial(50, true), rng.binomial(50, true)


def test_livingston_and_lewis_say_what_two_forms_show():
    true, first, second = _two_forms()
    reliability = np.corrcoef(first, second)[0, 1]
    found = livingston_lewis(first / 50, reliability, 0.7)
    assert effective_length(first / 50, reliability) == pytest.approx(50, abs=1.5)
    assert found.consistency == pytest.approx(((first >= 35) == (second >= 35)).mean(), abs=0.01)
    assert found.accuracy == pytest.approx(((first >= 35) == (true >= 0.7)).mean(), abs=0.01)
    assert found.false_pass == pytest.approx(((first >= 35) & (true < 0.7)).mean(), abs=0.01)
    assert found.accuracy == pytest.approx(1 - found.false_pass - found.false_fail)


def test_four_moments_find_the_beta_distribution_that_they_came_from():
    true, first, _ = _two_forms(400_000)
    found = fit_true_scores(first / 50, true.var() / (first / 50).var())
    assert (found.low, found.high) == pytest.approx((0.15, 0.95), abs=0.06)
    assert found.shares().mean() == pytest.approx(true.mean(), abs=0.003)
    assert found.shares().std() == pytest.approx(true.std(), abs=0.003)


def test_subkoviak_says_nearly_what_two_forms_show():
    _, first, second = _two_forms(20_000)
    found = subkoviak(first, 50, 35, np.corrcoef(first, second)[0, 1])
    # Drawn to the mean by the reliability, true shares are too close together: consistency is low.
    assert found.consistency == pytest.approx(((first >= 35) == (second >= 35)).mean(), abs=0.04)
    assert 0 < found.kappa < 1


def test_subkoviak_of_nobody_in_doubt():
    found = subkoviak([0] * 50 + [40] * 50, 40, 20, 1.0)
    assert (found.consistency, found.kappa) == pytest.approx((1.0, 1.0))


def test_mantel_haenszel_of_the_rabbits():
    # Agresti, Categorical Data Analysis, 1990, pp. 231-237, as R's mantelhaen.test gives it.
    rabbits = np.array([[0, 0, 6, 5], [3, 0, 3, 6], [6, 2, 0, 4], [5, 6, 1, 0], [2, 5, 0, 0]])
    # R counts down the columns: cured at once, cured late, died at once, died late.
    tables = [[[a, c], [b, d]] for a, b, c, d in rabbits]
    found = mantel_haenszel(tables)
    assert found.chi2 == pytest.approx(3.9286, abs=1e-4)
    assert found.p == pytest.approx(0.04747, abs=1e-5)
    assert found.odds_ratio == pytest.approx(7.0)


def test_mantel_haenszel_of_the_admissions_to_berkeley():
    # Bickel, Hammel & O'Connell, Science 1975, as R's mantelhaen.test gives it.
    admitted = [(512, 89), (353, 17), (120, 202), (138, 131), (53, 94), (22, 24)]
    rejected = [(313, 19), (207, 8), (205, 391), (279, 244), (138, 299), (351, 317)]
    tables = [[[a, r], [b, s]] for (a, b), (r, s) in zip(admitted, rejected, strict=True)]
    found = mantel_haenszel(tables)
    assert found.odds_ratio == pytest.approx(0.9046968, abs=1e-6)
    assert (found.low, found.high) == pytest.approx((0.7719074, 1.0603298), abs=1e-6)
    assert found.chi2 == pytest.approx(1.4269, abs=1e-4)
    assert found.p == pytest.approx(0.2323, abs=1e-4)
    assert found.category == "A"


def test_mantel_haenszel_of_strata_that_say_nothing():
    assert mantel_haenszel([[[5, 0], [5, 0]]]).category == "not measurable"


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10), (81, 263), (1, 1)])
def test_wilson_agrees_with_scipy(hits, n):
    expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
    found = wilson(hits, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_of_a_published_table():
    # Newcombe, "Two-sided Confidence Intervals for the Single Proportion", Statistics in Medicine 1998,
    # table I.
    published = (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    )
    for hits, n, low, high in published:
        assert (wilson(hits, n).low, wilson(hits, n).high) == pytest.approx((low, high), abs=5e-5)


def _cohort(n, seed, **more):
    return [sheet_of(each) for each in simulate_sheets(BLUEPRINT, n, seed, **more)]


def test_an_item_that_is_harder_for_one_group_is_found_and_no_other_large():
    rng = np.random.default_rng(4)
    n, k = 2000, 30
    ability, focal = rng.standard_normal(n), rng.random(n) < 0.5
    place = rng.normal(size=k)
    shift = np.zeros((n, k))
    shift[focal, 7] = 0.8
    right = rng.random((n, k)) < 1 / (1 + np.exp(-(ability[:, None] - place - shift)))
    sheets = []
    for row, raw in enumerate(simulate_sheets(BLUEPRINT, n, 4)):
        for item, credit in zip(raw["items"], right[row], strict=True):
            item["credit"] = float(credit)
        sheets.append(sheet_of(raw))
    responses = responses_of(sheets, "items")
    groups = {sheet.candidate: "focal" if focal[row] else "reference" for row, sheet in enumerate(sheets)}
    found = differential_items(responses, groups)
    worst = max(found, key=lambda name: abs(found[name].delta))
    # 0.8 logits are 0.8 x 2.35 on the delta scale; the prototype measured 2.76.
    assert found[worst].category == "C"
    assert abs(found[worst].delta) == pytest.approx(0.8 * 2.35, abs=0.6)
    assert worst == next(item["id"] for item in sheets[0].content["items"][7:8])
    assert sum(each.category != "A" for each in found.values()) <= 2


def test_groups_that_are_too_small_are_not_compared():
    sheets = _cohort(40, 1)
    groups = {sheet.candidate: "ab"[row % 2] for row, sheet in enumerate(sheets)}
    found = differential_items(responses_of(sheets, "items"), groups)
    assert "at least 100 candidates in each group, got a: 20, b: 20" in found
    with pytest.raises(InvalidInputError, match="two groups"):
        differential_items(responses_of(sheets, "items"), dict.fromkeys(groups, "a"))


def test_a_wrong_key_and_a_tempting_distractor_are_flagged():
    raw = simulate_sheets(BLUEPRINT, 300, 6)
    for sheet in raw:
        item = sheet["items"][0]
        item["credit"] = 1.0 - item["credit"]
        for reason in item["reasons"]:
            reason["right"] = reason["text"].startswith("the second")
        sheet["items"][1]["credit"] = 1.0
    first, second = [
        each
        for each in question_statistics(responses_of([sheet_of(each) for each in raw], "items"))
        if each.name.endswith(("-01", "-02"))
    ]
    assert "suspect the key" in first.flags
    assert "distractor draws the strong" in first.flags
    assert "easy" in second.flags
    assert math.isnan(second.discrimination)
    assert sum(
        option.chosen.value for option in first.distractors if option.text.startswith("v1")
    ) == pytest.approx(1)


def test_questions_of_a_scenario_keep_their_options_apart():
    raw = simulate_sheets(BLUEPRINT, 60, 6, variants=1)
    for number, sheet in enumerate(raw):
        sheet["items"][0].update(
            kind="scenario",
            reasons=[
                {"text": text, "right": text == "yes", "given": given, "why": "", "part": part}
                for part, said in ((0, True), (1, number % 3 > 0))
                for text, given in (("yes", said), ("no", not said))
            ],
        )
    first = question_statistics(responses_of([sheet_of(each) for each in raw], "items"))[0]
    assert {option.text: round(option.chosen.value, 2) for option in first.distractors} == {
        "yes": 1.0,
        "no": 0.0,
        "2. yes": 0.67,
        "2. no": 0.33,
    }


def test_a_variant_that_is_harder_and_one_that_leaked_are_found():
    raw = simulate_sheets(BLUEPRINT, 400, 7)
    for sheet in raw:
        task = sheet["tasks"][0]
        if task["variant"] == "v02":
            task["earned"] *= 0.5
        if sheet["graded_at"] > "2026-11-15":
            sheet["tasks"][1]["earned"] = min(sheet["tasks"][1]["points"], sheet["tasks"][1]["earned"] + 2)
    sheets = [sheet_of(each) for each in raw]
    families = {
        each.name: each
        for each in variant_families(responses_of(sheets), [sheet.graded_at for sheet in sheets])
    }
    assert [line.variant for line in families["T1"].variants if line.is_flagged] == ["v02"]
    assert families["T1"].spread > 0.5
    assert families["T2"].drift > 5 * families["T2"].drift_error > 0
    quiet = [line for name in ("T5", "T6", "T7") for line in families[name].variants]
    assert not any(line.is_flagged for line in quiet)


def test_a_pair_that_copied_is_found_and_a_cohort_that_did_not_is_left_alone():
    raw = simulate_sheets(BLUEPRINT, 80, 8, variants=1)
    assert similar_pairs([sheet_of(each) for each in raw]) == []
    by_score = sorted(raw, key=lambda sheet: sheet["knowledge"]["earned"])
    weak, copier = by_score[4], by_score[9]
    for mine, theirs in zip(copier["items"], weak["items"], strict=True):
        mine.update({key: json.loads(json.dumps(theirs[key])) for key in ("credit", "answer", "reasons")})
    [pair] = similar_pairs([sheet_of(each) for each in raw])
    assert {pair.first, pair.second} == {weak["session"], copier["session"]}
    assert pair.shared_wrong > 2 * pair.expected * 0.8
    assert pair.p < 0.01


def test_answers_that_are_right_for_somebody_elses_variant_are_found():
    raw = simulate_sheets(BLUEPRINT, 20, 9, variants=2)
    own, other = raw[0], raw[1]
    for place in range(5):
        own["items"][place].update(
            kind="numeric", variant="v1", answer=[0.25 + place], credit=1.0, reasons=[]
        )
        other["items"][place].update(
            kind="numeric", variant="v2", answer=[0.25 + place], credit=0.0, reasons=[]
        )
    found = similar_pairs([sheet_of(each) for each in raw])
    assert (found[0].first, found[0].second, len(found[0].foreign)) == (own["session"], other["session"], 5)


def test_right_answers_that_came_too_soon_are_hints():
    sheet = _cohort(1, 10)[0]
    right = [item["id"] for item in sheet.content["items"] if item["credit"] == 1]
    seconds = {sheet.session: {right[0]: 1.5, right[1]: 30.0}}
    assert [(each.item, each.seconds) for each in impossible_times(seconds, [sheet])] == [(right[0], 1.5)]


def test_how_long_an_answer_took_comes_from_the_log():
    def at(second, kind, **payload):
        return {"at": f"2026-11-29T10:00:{second:02d}+00:00", "kind": kind, "payload": payload}

    log = [
        at(0, "opened"),
        at(20, "answered", item="a", answer=[0]),
        at(21, "answered", item="b", answer=[1]),
        at(30, "answered", item="a", answer=[1]),
        at(31, "answered", item="c", answer=None),
        {"at": "later", "kind": "answered", "payload": {"item": "d", "answer": [0]}},
    ]
    assert answer_seconds(log) == {"a": 20.0, "b": 1.0}


def test_sheets_of_two_exams_or_of_other_points_are_not_mixed():
    raw = simulate_sheets(BLUEPRINT, 2, 0)
    raw[1]["exam"] = "another"
    with pytest.raises(InvalidInputError, match="one exam"):
        responses_of([sheet_of(each) for each in raw])
    raw[1].update(exam=raw[0]["exam"])
    raw[1]["tasks"][0]["points"] += 1
    with pytest.raises(InvalidInputError, match="same points"):
        responses_of([sheet_of(each) for each in raw])


def test_a_summary_of_few_says_that_it_cannot_tell():
    found = summarise(_cohort(3, 0), 0.7)
    assert found.candidates == 3
    assert found.decisions is None


class TestSimulator:
    """The figures of the prototype (20,000 simulated candidates) come out again."""

    # Tasks, items; parallel-form correlation, accuracy, consistency.
    MEASURED = (
        (0, 60, 0.933, 0.931, 0.902),
        (0, 40, 0.901, 0.915, 0.878),
        (5, 0, 0.855, 0.880, 0.846),
        (8, 30, 0.932, 0.928, 0.896),
        (10, 30, 0.946, 0.936, 0.909),
        (12, 40, 0.955, 0.940, 0.914),
    )

    @pytest.mark.parametrize("row", MEASURED, ids=lambda row: f"{row[0]}x{row[1]}")
    def test_forms_of_the_blueprint(self, row):
        plan = Plan((7.0,) * 10, (1.0,) * 30, 0.7).resized(*row[:2])
        found = try_plan(plan, candidates=20000, seed=1)
        assert (found.reliability, found.accuracy, found.consistency) == pytest.approx(row[2:], abs=0.015)

    def test_the_longer_the_test_the_fewer_are_judged_wrongly(self):
        # Measured: 13.1, 9.4, 8.4 and 6.4 % with 20, 40, 60 and 90 items.
        wrong = [1 - try_plan(Plan((), (1.0,) * k, 0.7), seed=2).accuracy for k in (20, 40, 60, 90)]
        assert wrong == sorted(wrong, reverse=True)
        assert wrong == pytest.approx((0.131, 0.094, 0.084, 0.064), abs=0.025)

    def test_a_cohort_of_sixty_items_has_the_figures_of_the_prototype(self):
        # Measured with 150 candidates: KR-20 0.92, SEM 3.3, a fifth within one CSEM of the cut.
        _, items, _ = simulate_scores(
            Plan((), (1.0,) * 60, 0.635), np.random.default_rng(3).standard_normal(150), 3
        )
        totals, reliability = items.sum(axis=1), kr20(items)
        assert reliability == pytest.approx(0.92, abs=0.03)
        assert totals.std() * math.sqrt(1 - reliability) == pytest.approx(3.3, abs=0.4)
        near = (np.abs(totals - 38.1) <= lord_csem(38.1, 60)).mean()
        assert near == pytest.approx(0.21, abs=0.08)

    def test_the_cut_moved_by_a_standard_error_costs_what_the_prototype_measured(self):
        # Measured on 150 candidates, false pass and false fail: 5.3 and 2.7 %;
        # one error below 14.0 and 0.7 %, one above 0.7 and 8.0 %.
        _, items, _ = simulate_scores(
            Plan((), (1.0,) * 60, 0.635), np.random.default_rng(3).standard_normal(5000), 3
        )
        people = fit_true_scores(items.mean(axis=1), kr20(items))
        moved = trade_off(people, 38.1 / 60, 3.76 / 60, (-1, 0, 1))
        found = [(each.false_pass, each.false_fail) for _, each in moved]
        for mine, measured in zip(found, [(0.14, 0.007), (0.053, 0.027), (0.007, 0.08)], strict=True):
            assert mine == pytest.approx(measured, abs=0.05)

    @pytest.mark.parametrize(("variant_sd", "measured"), [(0.0, 3.27), (0.3, 3.31), (0.5, 3.32), (0.8, 3.42)])
    def test_variants_widen_scores_at_the_cut_as_measured(self, variant_sd, measured):
        told = Assumptions(variant_sd=variant_sd)
        _, items, _ = simulate_scores(Plan((), (1.0,) * 60, 0.635), np.full(5000, -0.4), 6, told)
        assert items.sum(axis=1).mean() == pytest.approx(38.1, abs=3)
        assert items.sum(axis=1).std() == pytest.approx(measured, abs=0.35)

    def test_variants_that_differ_little_cost_little(self):
        plan = plan_of(BLUEPRINT)
        same = try_plan(plan, seed=5)
        apart = try_plan(plan, seed=5, assumptions=Assumptions(variant_sd=0.8))
        assert same.sem < apart.sem < 1.35 * same.sem

    def test_who_can_nothing_gets_what_guessing_gives(self):
        tasks, items, true = simulate_scores(plan_of(BLUEPRINT), np.full(2000, -20.0), 0)
        assert tasks.sum() == 0
        assert items.mean() == pytest.approx(0.2, abs=0.01)
        assert true == pytest.approx(items.mean() * 30 / plan_of(BLUEPRINT).points, abs=0.01)

    def test_the_same_seed_makes_the_same_cohort(self):
        assert simulate_sheets(BLUEPRINT, 3, 5) == simulate_sheets(BLUEPRINT, 3, 5)
        assert simulate_sheets(BLUEPRINT, 3, 5) != simulate_sheets(BLUEPRINT, 3, 6)

    def test_a_section_that_nobody_reaches_passes_nobody(self):
        plan = plan_of(BLUEPRINT)
        assert plan.sections[0].name == "the practical part"
        out_of_reach = Plan(plan.tasks, plan.items, plan.cut, (Section("none", 1.01, (0,), ()),))
        found = try_plan(out_of_reach, candidates=200)
        assert (found.pass_rate, found.accuracy, found.consistency) == (0, 1, 1)

    def test_nothing_to_earn_and_too_few_are_refused(self):
        with pytest.raises(InvalidInputError, match="points to earn"):
            try_plan(Plan((), (), 0.7))
        with pytest.raises(InvalidInputError, match="100"):
            try_plan(plan_of(BLUEPRINT), candidates=5)


def _panel(tmp_path, rows, header="round,judge,item,points,rating"):
    path = tmp_path / "panel.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


class TestAngoff:
    ROWS = tuple(
        f"{number},{judge},{item},{points},{rating}"
        for number, judge, ratings in (
            (1, "ann", (0.6, 0.8, 2.0)),
            (1, "bob", (0.4, 0.6, 1.0)),
            (1, "cyd", (0.8, 1.0, 3.0)),
            (2, "ann", (0.6, 0.8, 2.0)),
            (2, "bob", (0.5, 0.7, 1.8)),
            (2, "cyd", (0.7, 0.9, 2.2)),
        )
        for item, points, rating in zip(("i1", "i2", "T5 gap"), (1, 1, 4), ratings, strict=True)
    )

    def test_cut_and_error_by_hand(self, tmp_path):
        ratings = read_panel(_panel(tmp_path, self.ROWS))
        first, second = (cut_of(panel_of(ratings, number)) for number in (1, 2))
        # Judges' own cuts: 3.4, 2.0, 4.8 and then 3.4, 3.0, 3.8.
        assert (first.cut, first.share) == pytest.approx((3.4, 3.4 / 6))
        assert (first.judge_sd, first.error) == pytest.approx((1.4, 1.4 / math.sqrt(3)))
        assert (second.cut, second.judge_sd) == pytest.approx((3.4, 0.4))
        assert (first.severe, first.lenient) == ("cyd", "bob")
        assert "T5 gap" not in second.doubtful

    def test_ratings_are_held_against_how_hard_it_was(self, tmp_path):
        panel = panel_of(read_panel(_panel(tmp_path, self.ROWS)), 2)
        assert cut_of(panel, {"i1": 0.6, "i2": 0.8, "T5 gap": 0.5}).with_difficulty == pytest.approx(
            1.0, abs=1e-9
        )
        assert math.isnan(cut_of(panel).with_difficulty)

    def test_points_may_be_left_out_and_semicolons_do(self, tmp_path):
        path = _panel(tmp_path, ["1;ann;i1;0.5"], "Round;Judge;Item;Rating")
        assert [(each.points, each.rating) for each in read_panel(path)] == [(1.0, 0.5)]

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ("1,ann,i1,1,65", "65'?: write 0.65 for 65 %"),
            ("1,ann,i1,1,-0.1", "from 0 to 1"),
            ("1,ann,i1,1,nan", "rating as a number"),
            ("1,ann,i1,1,much", "rating as a number"),
            ("3,ann,i1,1,0.5", "round 1 or 2"),
            ("1,,i1,1,0.5", "expected a judge"),
            ("1,ann,i1,0,0", "points above 0"),
            ("1,ann,i1,1", "5 values, got 4"),
            ('1,ann,i1,1,"0,5"', "write a point, not a comma"),
        ],
    )
    def test_a_bad_row_is_named_with_its_line(self, tmp_path, row, message):
        path = _panel(tmp_path, ["1,ann,i0,1,0.5", row])
        with pytest.raises(DataFormatError, match=message) as error:
            read_panel(path)
        assert str(error.value).startswith(f"{path}:3")

    def test_a_judge_who_rates_twice_is_named_with_both_lines(self, tmp_path):
        path = _panel(tmp_path, ["1,ann,i1,1,0.5", "1,ann,i2,1,0.5", "1,ann,i1,1,0.6"])
        with pytest.raises(DataFormatError, match=r":4: ann rates i1 twice in round 1, first at .*:2"):
            read_panel(path)

    @pytest.mark.parametrize(
        ("header", "message"),
        [
            ("round,judge,item", "missing: rating"),
            ("round,judge,item,rating,mood", "unknown: mood"),
            ("", "missing"),
        ],
    )
    def test_columns_are_checked(self, tmp_path, header, message):
        with pytest.raises(DataFormatError, match=message):
            read_panel(_panel(tmp_path, ["1,ann,i1,0.5"], header))

    def test_what_is_not_there_is_said(self, tmp_path):
        with pytest.raises(DataFormatError, match="readable"):
            read_panel(tmp_path / "none.csv")
        with pytest.raises(DataFormatError, match="got none"):
            read_panel(_panel(tmp_path, []))
        with pytest.raises(InvalidInputError, match="3 judges or more"):
            panel_of(read_panel(_panel(tmp_path, ["1,ann,i1,1,0.5"])), 1)
        rows = ["1,ann,i1,1,0.5", "1,bob,i1,1,0.5", "1,cyd,i2,1,0.5"]
        with pytest.raises(InvalidInputError, match="missing: ann on i2, bob on i2, cyd on i1"):
            panel_of(read_panel(_panel(tmp_path, rows)), 1)
        rows = ["1,ann,i1,1,0.5", "1,bob,i1,2,0.5", "1,cyd,i1,1,0.5"]
        with pytest.raises(InvalidInputError, match="same points for i1"):
            panel_of(read_panel(_panel(tmp_path, rows)), 1)


class TestCommands:
    @pytest.fixture
    def sheets(self, tmp_path):
        folder = tmp_path / "sheets"
        assert main(["exam", "simulate", "--sheets", str(folder), "--candidates", "60"]) == 0
        return folder

    def _json(self, capsys, *words):
        capsys.readouterr()
        assert main(["exam", *map(str, words), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    def test_itemstats(self, sheets, tmp_path, capsys):
        groups = tmp_path / "groups.csv"
        with groups.open("w", newline="") as file:
            csv.writer(file).writerows(
                [("candidate", "group"), *[(f"candidate-0-{n:04d}", "ab"[n % 2]) for n in range(60)]]
            )
        found = self._json(capsys, "itemstats", sheets, "--groups", groups, "--similar")
        assert found["summary"]["candidates"] == 60
        assert 0.8 < found["summary"]["reliability"] < 1
        assert len(found["questions"]) == len(BLUEPRINT.available) + BLUEPRINT.item_count
        assert found["dif"].startswith("not computed")
        assert (
            main(["exam", "itemstats", str(sheets), "--options", "--similar", "--groups", str(groups)]) == 0
        )
        said = capsys.readouterr().out
        assert all(word in said for word in ("SEM", "T5", "right", "pairs stands out", "not computed"))
        assert max(map(len, said.splitlines())) <= 130

    def test_itemstats_leaves_out_what_was_not_verified(self, sheets, capsys):
        path = sorted(sheets.glob("*.json"))[0]
        raw = json.loads(path.read_text())
        raw["verified"]["nonce"] = False
        path.write_text(json.dumps(raw))
        assert self._json(capsys, "itemstats", sheets)["left_out"] == 1

    def test_itemstats_says_what_is_wrong_with_a_file(self, sheets, tmp_path, capsys):
        bad = tmp_path / "groups.csv"
        bad.write_text("candidate,group\nx\n")
        assert main(["exam", "itemstats", str(sheets), "--groups", str(bad)]) == 2
        assert f"{bad}:2" in capsys.readouterr().err
        assert main(["exam", "itemstats", str(bad)]) == 2
        assert "expected a score sheet in JSON" in capsys.readouterr().err

    def test_angoff(self, sheets, tmp_path, capsys):
        panel = _panel(tmp_path, TestAngoff.ROWS)
        for more in ((), ("--sheets", sheets)):
            found = self._json(capsys, "angoff", panel, *more)
            assert [each["cut"] for each in found["rounds"]] == pytest.approx([3.4, 3.4])
            passes = [each["false_pass"] for each in found["trade_off"]]
            assert passes == sorted(passes, reverse=True)
            assert found["combined_error"] >= found["csem"] > 0
        assert main(["exam", "angoff", str(panel)]) == 0
        assert "the panel's" in capsys.readouterr().out
        assert main(["exam", "angoff", str(tmp_path / "none.csv")]) == 2
        assert "none.csv" in capsys.readouterr().err

    def test_simulate(self, capsys):
        found = self._json(capsys, "simulate", "--candidates", 2000, "--lengths", "5x0,0x60")
        assert [(each["tasks"], each["items"]) for each in found["forms"]] == [
            (6, 30),
            (6, 30),
            (10, 30),
            (5, 0),
            (0, 60),
        ]
        every, alone = found["forms"][:2]
        assert every["pass_rate"] < alone["pass_rate"]
        assert main(["exam", "simulate", "--candidates", "500"]) == 0
        assert "(now, every rule)" in capsys.readouterr().out
        for words, message in (
            (("--lengths", "5by3"), "10x30"),
            (("--lengths", "0x0"), "10x30"),
            (("--cut", "70"), "0.7 for 70 %"),
            (("--guessing", "1"), "--guessing"),
            (("--candidates", "5"), "100"),
        ):
            assert main(["exam", "simulate", *words]) == 2
            assert message in capsys.readouterr().err
