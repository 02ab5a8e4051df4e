"""Floor 5: credentials that anyone can verify: keys, badges, status lists, a log, documents.

It takes an *award*, plain JSON from a released result, and knows nothing else of the exam.
"""

__all__: list[str] = []
