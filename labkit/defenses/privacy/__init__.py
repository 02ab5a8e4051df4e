"""Privacy: send less, say less, share less, each at a price in what the model is good for."""

from labkit.defenses.privacy.accounting import (
    ACCOUNTANTS,
    gaussian_delta,
    gaussian_epsilon,
    noise_for,
    privacy_spent,
)
from labkit.defenses.privacy.client import ClientUpdate, client_update
from labkit.defenses.privacy.dp_sgd import dp_sgd, dp_sgd_ensemble, steps_of
from labkit.defenses.privacy.head import PublicFeatures, public_head
from labkit.defenses.privacy.output import LEVELS, ApiView
from labkit.defenses.privacy.training import private_training

__all__ = [
    "ACCOUNTANTS",
    "LEVELS",
    "ApiView",
    "ClientUpdate",
    "PublicFeatures",
    "client_update",
    "dp_sgd",
    "dp_sgd_ensemble",
    "gaussian_delta",
    "gaussian_epsilon",
    "noise_for",
    "privacy_spent",
    "private_training",
    "public_head",
    "steps_of",
]
