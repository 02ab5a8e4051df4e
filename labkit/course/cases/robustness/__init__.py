"""Robust training and certificates: contractor's runs, vendor's claims, what the judge measures (L03)."""

__all__: list[str] = []
