"""Applicants, towns and deliveries of the loan desk; recipes that repair, records of decisions (L13)."""

__all__: list[str] = []
