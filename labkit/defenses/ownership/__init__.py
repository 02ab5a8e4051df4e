"""Recognise one's own model in somebody else's hands: watermark, fingerprint, dataset inference."""

from labkit.defenses.ownership.fingerprint import conferrable_fingerprint, match_rates
from labkit.defenses.ownership.inference import walk_lengths
from labkit.defenses.ownership.keys import KeySet
from labkit.defenses.ownership.watermark import embed_watermark, noise_keys

__all__ = [
    "KeySet",
    "conferrable_fingerprint",
    "embed_watermark",
    "match_rates",
    "noise_keys",
    "walk_lengths",
]
