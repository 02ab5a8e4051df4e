"""Privacy: send less, say less, share less, each at a price in what the model is good for."""

from labkit.defenses.privacy.client import ClientUpdate, client_update
from labkit.defenses.privacy.head import PublicFeatures, public_head
from labkit.defenses.privacy.output import LEVELS, ApiView
from labkit.defenses.privacy.training import private_training

__all__ = [
    "LEVELS",
    "ApiView",
    "ClientUpdate",
    "PublicFeatures",
    "client_update",
    "private_training",
    "public_head",
]
