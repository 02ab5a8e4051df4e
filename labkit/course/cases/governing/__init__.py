"""Governance: six systems, a firm with its controls, a release on a day (L17)."""

__all__: list[str] = []
