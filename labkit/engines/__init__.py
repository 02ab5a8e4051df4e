"""Optional engines: other libraries' attacks, in our words, on our victims.

An engine is a module with ``attack(name, **hyperparameters)`` and ``ATTACKS``, found by the
entry point group ``labkit.engines`` and imported when it is first used.  What it makes is
an :class:`labkit.core.AdversarialExamples` like any other, so every metric runs on it.
"""

from labkit.engines.registry import Attack, Engine, available, load

__all__ = ["Attack", "Engine", "available", "load"]
