"""Grade submissions: verify, measure again in a process apart, mark, decide, explain."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.exams.grading.cluster import grade_on_cluster
    from labkit.exams.grading.deciding import decide
    from labkit.exams.grading.examining import Graded, grade_for, received_by
    from labkit.exams.grading.feedback import feedback_page
    from labkit.exams.grading.folder import GradingFolder, Submission
    from labkit.exams.grading.packs import Regraded, regrade
    from labkit.exams.grading.pool import grade_here
    from labkit.exams.grading.reproducing import reproduction_line
    from labkit.exams.grading.sessions import SessionFacts, session_facts
    from labkit.exams.grading.sheet import grade_submission
    from labkit.exams.grading.verifying import Verified, verify

_MODULES = {
    "cluster": ("grade_on_cluster",),
    "deciding": ("decide",),
    "examining": ("Graded", "grade_for", "received_by"),
    "feedback": ("feedback_page",),
    "folder": ("GradingFolder", "Submission"),
    "packs": ("Regraded", "regrade"),
    "pool": ("grade_here",),
    "reproducing": ("reproduction_line",),
    "sessions": ("SessionFacts", "session_facts"),
    "sheet": ("grade_submission",),
    "verifying": ("Verified", "verify"),
}

__all__ = [
    "Graded",
    "GradingFolder",
    "Regraded",
    "SessionFacts",
    "Submission",
    "Verified",
    "decide",
    "feedback_page",
    "grade_for",
    "grade_here",
    "grade_on_cluster",
    "grade_submission",
    "received_by",
    "regrade",
    "reproduction_line",
    "session_facts",
    "verify",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names}
)
