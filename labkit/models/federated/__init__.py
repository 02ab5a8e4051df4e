"""Federated learning: clients train on data of their own, a server adds up what they send.

The simulation lies on the floor of ``models``, since it is a way of training like
:func:`labkit.models.train`; what malicious clients do and how the server adds up are handed in
as functions, so that neither attacks nor defenses are imported here.
"""

from labkit.models.federated.clients import Clients, share_by_dirichlet, share_evenly
from labkit.models.federated.local import local_updates, model_with, weights_of
from labkit.models.federated.rounds import (
    Aggregation,
    Known,
    Round,
    fedavg,
    federated_rounds,
)

__all__ = [
    "Aggregation",
    "Clients",
    "Known",
    "Round",
    "fedavg",
    "federated_rounds",
    "local_updates",
    "model_with",
    "share_by_dirichlet",
    "share_evenly",
    "weights_of",
]
