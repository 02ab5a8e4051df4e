"""The candidate's side: a folder, what was issued in it, and everything that is handed in.

In the exam notebook::

    from labkit.exams.sitting import open_sitting

    exam = open_sitting()
    exam.hand_in("T5", x_adv=x_adv, claimed_accuracy=0.41)
"""

from labkit.exams.sitting.making import make_sitting, open_sitting
from labkit.exams.sitting.receipts import AnswerReceipt, Place, Receipt, State, SubmitReceipt
from labkit.exams.sitting.sitting import Sitting

__all__ = [
    "AnswerReceipt",
    "Place",
    "Receipt",
    "Sitting",
    "State",
    "SubmitReceipt",
    "make_sitting",
    "open_sitting",
]
