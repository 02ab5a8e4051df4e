"""Federated learning: clinics that train together, recipes for liars and servers, what is judged (L11)."""

__all__: list[str] = []
