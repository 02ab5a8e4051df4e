"""Explanations that lie: lending models, one of which is shown and another one used; and their audit."""

__all__: list[str] = []
