"""Tasks: what they declare, what may be handed in, and what a measurement earns."""

from labkit.exams.task.checking import Checked, check_hand_in
from labkit.exams.task.marking import MarkedLine, TaskMark, justification_credit, mark_task
from labkit.exams.task.reading import (
    BOTS,
    Reference,
    find_task,
    load_code,
    read_reference,
    read_task,
    read_variants,
    tasks_of,
)
from labkit.exams.task.types import (
    KINDS,
    PARTS,
    Budget,
    Critical,
    ExamCriterion,
    HandInField,
    Justification,
    JustificationOption,
    Measured,
    Overclaim,
    Task,
    Variant,
)

__all__ = [
    "BOTS",
    "KINDS",
    "PARTS",
    "Budget",
    "Checked",
    "Critical",
    "ExamCriterion",
    "HandInField",
    "Justification",
    "JustificationOption",
    "MarkedLine",
    "Measured",
    "Overclaim",
    "Reference",
    "Task",
    "TaskMark",
    "Variant",
    "check_hand_in",
    "find_task",
    "justification_credit",
    "load_code",
    "mark_task",
    "read_reference",
    "read_task",
    "read_variants",
    "tasks_of",
]
