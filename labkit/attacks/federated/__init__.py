"""Federated learning: what malicious clients send in the place of what they trained.

Every attack takes the updates ``own`` that the malicious clients trained, shape ``(b, d)``, and
what they can know of the round, and returns what they send, of the same shape.  What gradients
give away of the data is in :mod:`labkit.attacks.inversion`.
"""

from labkit.attacks.federated.crash import free_rider, sign_flip
from labkit.attacks.federated.replacement import boost_for, model_replacement
from labkit.attacks.federated.stealth import a_little_is_enough, inner_product, unnoticed_z
from labkit.models.federated.rounds import Attack

__all__ = [
    "ATTACKS",
    "a_little_is_enough",
    "boost_for",
    "free_rider",
    "inner_product",
    "model_replacement",
    "sign_flip",
    "unnoticed_z",
]

ATTACKS: dict[str, Attack] = {
    "a_little_is_enough": a_little_is_enough,
    "free_rider": free_rider,
    "inner_product": inner_product,
    "model_replacement": model_replacement,
    "sign_flip": sign_flip,
}
"""Every attack of malicious clients, by name."""
