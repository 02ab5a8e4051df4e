"""Aggregation: how a server adds up what clients send, when some of them may lie.

Every rule takes the updates of one round, ``(n, d)``, and returns a
:class:`labkit.models.federated.Aggregation`: the update, and how much of it comes from whom.
"""

from labkit.defenses.aggregation.distances import distance_filter, how_far, krum, krum_scores, multi_krum
from labkit.defenses.aggregation.entries import median, trimmed_mean
from labkit.defenses.aggregation.lengths import clipped_mean, mean, private_mean
from labkit.defenses.aggregation.masking import FixedPoint, grouped, masked_updates, pairwise_masks
from labkit.models.federated.rounds import Aggregator

__all__ = [
    "AGGREGATORS",
    "FixedPoint",
    "clipped_mean",
    "distance_filter",
    "grouped",
    "how_far",
    "krum",
    "krum_scores",
    "masked_updates",
    "mean",
    "median",
    "multi_krum",
    "pairwise_masks",
    "private_mean",
    "trimmed_mean",
]

AGGREGATORS: dict[str, Aggregator] = {
    "clipped_mean": clipped_mean,
    "distance_filter": distance_filter,
    "krum": krum,
    "mean": mean,
    "median": median,
    "multi_krum": multi_krum,
    "private_mean": private_mean,
    "trimmed_mean": trimmed_mean,
}
"""Every rule by name, with its settings as they are by default."""
