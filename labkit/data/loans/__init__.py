"""Loan applications of people who do not exist, drawn from a causal structure that is known.

``python -m labkit.data.loans FOLDER`` draws the whole data set again.
"""

from labkit.data.loans.generator import SIZES, applications, write
from labkit.data.loans.structure import FEATURES, GRAPH, OUTCOME, PROTECTED, Town, descendants

__all__ = [
    "FEATURES",
    "GRAPH",
    "OUTCOME",
    "PROTECTED",
    "SIZES",
    "Town",
    "applications",
    "descendants",
    "write",
]
