"""Files that pages load: ours and Voilà's, from these folders and no others."""

from __future__ import annotations

from jupyter_server.base.handlers import FileFindHandler

__all__ = ["Asset", "LastingAsset"]


class Asset(FileFindHandler):
    """A file of our own; the browser asks each time whether it changed."""


class LastingAsset(FileFindHandler):
    """A file under an address that names its version, so that it is fetched once and kept."""

    def set_headers(self) -> None:
        super().set_headers()
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")
