"""Poisoned training data: deliveries and drops, recipes that screen them, what was handed in (L04)."""

__all__: list[str] = []
