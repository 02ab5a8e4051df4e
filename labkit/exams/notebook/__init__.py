"""The exam notebook, put together from the cells of its tasks."""

from labkit.exams.notebook.building import exam_notebook, is_cell_of, issued_notebook, notebook_bytes
from labkit.exams.notebook.practice import BuiltExam, build_practice, run_solution, stale_practice
from labkit.exams.notebook.source import ExamCell, read_exam_cells

__all__ = [
    "BuiltExam",
    "ExamCell",
    "build_practice",
    "exam_notebook",
    "is_cell_of",
    "issued_notebook",
    "notebook_bytes",
    "read_exam_cells",
    "run_solution",
    "stale_practice",
]
