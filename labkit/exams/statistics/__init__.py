"""What is learned from many sittings: items, tests, cuts, and what a plan would do.

Everything in here is reported to a person; nothing decides about a candidate.
"""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.exams.statistics.angoff import (
        COLUMNS,
        Cut,
        Panel,
        Rating,
        cut_of,
        panel_of,
        read_panel,
        trade_off,
    )
    from labkit.exams.statistics.cohort import simulate_sheets
    from labkit.exams.statistics.consistency import (
        Classification,
        TrueScores,
        fit_true_scores,
        livingston_k2,
        livingston_lewis,
        subkoviak,
    )
    from labkit.exams.statistics.dif import LEAST_GROUP, MantelHaenszel, differential_items, mantel_haenszel
    from labkit.exams.statistics.intervals import Share, wilson
    from labkit.exams.statistics.items import (
        LIMITS,
        Distractor,
        QuestionStatistics,
        corrected_point_biserial,
        question_statistics,
    )
    from labkit.exams.statistics.reliability import (
        cronbach_alpha,
        effective_length,
        kr20,
        kr21,
        lord_csem,
        sem,
        stratified_alpha,
    )
    from labkit.exams.statistics.responses import Responses, responses_of
    from labkit.exams.statistics.similarity import (
        Hasty,
        Pair,
        answer_seconds,
        impossible_times,
        similar_pairs,
    )
    from labkit.exams.statistics.simulate import (
        Assumptions,
        Plan,
        Section,
        Trial,
        plan_of,
        simulate_scores,
        try_plan,
    )
    from labkit.exams.statistics.summary import Summary, summarise
    from labkit.exams.statistics.variants import Family, VariantLine, variant_families

_MODULES = {
    "angoff": ("COLUMNS", "Cut", "Panel", "Rating", "cut_of", "panel_of", "read_panel", "trade_off"),
    "cohort": ("simulate_sheets",),
    "consistency": (
        "Classification",
        "TrueScores",
        "fit_true_scores",
        "livingston_k2",
        "livingston_lewis",
        "subkoviak",
    ),
    "dif": ("LEAST_GROUP", "MantelHaenszel", "differential_items", "mantel_haenszel"),
    "intervals": ("Share", "wilson"),
    "items": (
        "LIMITS",
        "Distractor",
        "QuestionStatistics",
        "corrected_point_biserial",
        "question_statistics",
    ),
    "reliability": (
        "cronbach_alpha",
        "effective_length",
        "kr20",
        "kr21",
        "lord_csem",
        "sem",
        "stratified_alpha",
    ),
    "responses": ("Responses", "responses_of"),
    "similarity": ("Hasty", "Pair", "answer_seconds", "impossible_times", "similar_pairs"),
    "simulate": ("Assumptions", "Plan", "Section", "Trial", "plan_of", "simulate_scores", "try_plan"),
    "summary": ("Summary", "summarise"),
    "variants": ("Family", "VariantLine", "variant_families"),
}

__all__ = [
    "COLUMNS",
    "LEAST_GROUP",
    "LIMITS",
    "Assumptions",
    "Classification",
    "Cut",
    "Distractor",
    "Family",
    "Hasty",
    "MantelHaenszel",
    "Pair",
    "Panel",
    "Plan",
    "QuestionStatistics",
    "Rating",
    "Responses",
    "Section",
    "Share",
    "Summary",
    "Trial",
    "TrueScores",
    "VariantLine",
    "answer_seconds",
    "corrected_point_biserial",
    "cronbach_alpha",
    "cut_of",
    "differential_items",
    "effective_length",
    "fit_true_scores",
    "impossible_times",
    "kr20",
    "kr21",
    "livingston_k2",
    "livingston_lewis",
    "lord_csem",
    "mantel_haenszel",
    "panel_of",
    "plan_of",
    "question_statistics",
    "read_panel",
    "responses_of",
    "sem",
    "similar_pairs",
    "simulate_scores",
    "simulate_sheets",
    "stratified_alpha",
    "subkoviak",
    "summarise",
    "trade_off",
    "try_plan",
    "variant_families",
    "wilson",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names}
)
