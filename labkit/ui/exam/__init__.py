"""The exam at the candidate's place: one page to find one's way, to answer, and to submit."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.exam.desk import ExamDesk, exam_desk

__all__ = ["ExamDesk", "exam_desk"]

__getattr__, __dir__ = lazy_exports(
    __name__, {"ExamDesk": f"{__name__}.desk", "exam_desk": f"{__name__}.desk"}
)
