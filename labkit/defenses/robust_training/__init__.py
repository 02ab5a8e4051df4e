"""Training that makes a network robust: PGD, TRADES, one fast step, Gaussian noise."""

from labkit.defenses.robust_training.adversarial import adversarial_training
from labkit.defenses.robust_training.fast import fast_adversarial_training
from labkit.defenses.robust_training.noise import noise_training
from labkit.defenses.robust_training.trades import trades

__all__ = ["adversarial_training", "fast_adversarial_training", "noise_training", "trades"]
