"""Extraction: the services, customers and suspects of a variant, and the judge's own thieves (L07)."""

__all__: list[str] = []
