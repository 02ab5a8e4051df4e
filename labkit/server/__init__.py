"""Floor 8: the lab in the browser, as an extension of Jupyter Server."""

from typing import Any

__all__: list[str] = []


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server where the extension is."""
    return [{"module": "labkit.server.extension"}]
