"""Membership: the clinics' readers, what the judge attacks of a deployment, claims under audit (L06)."""

__all__: list[str] = []
