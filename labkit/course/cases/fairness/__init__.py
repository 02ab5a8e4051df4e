"""Applicants, towns and deliveries of the loan desk; recipes that repair, records of decisions (L13)."""
