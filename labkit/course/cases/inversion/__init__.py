"""Inversion: the records and services of a variant, and the judge's own attacks on a protection (L05)."""

__all__: list[str] = []
