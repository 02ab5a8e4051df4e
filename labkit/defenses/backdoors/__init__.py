"""Backdoors in a model that is there already: find the trigger, catch its use, take it out."""

from labkit.defenses.backdoors.cleanse import FoundTrigger, TriggerSearch, search_triggers
from labkit.defenses.backdoors.pruning import fine_prune
from labkit.defenses.backdoors.strip import strip_entropy

__all__ = ["FoundTrigger", "TriggerSearch", "fine_prune", "search_triggers", "strip_entropy"]
