"""The sealed submission: how it is written, and how a hostile one is read."""

__all__: list[str] = []
