"""Sanitising: find what does not belong into a training set, before it is learned.

Every function takes samples (or what a network makes of them) with their labels and returns
a :class:`Screening`: a score for each sample, and which ones to take out.  What that costs
where nothing is wrong, :mod:`labkit.metrics` measures.
"""

from labkit.defenses.sanitising.clustering import activation_clustering
from labkit.defenses.sanitising.influence import sample_influence
from labkit.defenses.sanitising.neighbours import knn_consistency
from labkit.defenses.sanitising.provenance import Batch, batch_digest, provenance
from labkit.defenses.sanitising.screening import Screening
from labkit.defenses.sanitising.spectral import spectral_signatures

__all__ = [
    "Batch",
    "Screening",
    "activation_clustering",
    "batch_digest",
    "knn_consistency",
    "provenance",
    "sample_influence",
    "spectral_signatures",
]
