"""What an instructor sees of a class, computed from the log of what happened."""

from labkit.classroom.activity import PAUSE_SECONDS, seconds_on_task
from labkit.classroom.board import Board, Cell, Row, class_board, needs_visit
from labkit.classroom.export import as_csv, quiz_csv
from labkit.classroom.gains import BANDS, ClassGain, band_of, class_gain
from labkit.classroom.quizzes import quiz_gains, quiz_results
from labkit.classroom.seats import Seat, anonymised
from labkit.classroom.stuck import Stuck, find_stuck
from labkit.classroom.view import ClassView

__all__ = [
    "BANDS",
    "PAUSE_SECONDS",
    "Board",
    "Cell",
    "ClassGain",
    "ClassView",
    "Row",
    "Seat",
    "Stuck",
    "anonymised",
    "as_csv",
    "band_of",
    "class_board",
    "class_gain",
    "find_stuck",
    "needs_visit",
    "quiz_csv",
    "quiz_gains",
    "quiz_results",
    "seconds_on_task",
]
