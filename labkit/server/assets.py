"""Files that pages load: ours and Voilà's, from these folders and no others.

A file of Voilà's page is read and compressed once for all, and which files a page wants is
remembered, so that later pages name them in advance and the catalogue has them fetched while
somebody reads it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import mimetypes
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import FileFindHandler, JupyterHandler
from tornado import web

from labkit.core.paths import cache_dir, ensure_dir

__all__ = ["Asset", "LastingAsset", "Wanted", "announce"]

_COMPRESSIBLE = {"text/css", "text/javascript", "application/javascript", "application/json", "image/svg+xml"}
_WORTH_IT = 1024  # bytes; a smaller file is not compressed
_SEEN = Path(__file__).parent / "jupyter" / "voila" / "loads.json"
_MOST_BEHIND_PROXY = 2000  # characters
_KINDS = {".js": "script", ".css": "style"}


class Asset(FileFindHandler):
    """A file of our own; the browser asks each time whether it changed."""


@dataclass(slots=True)
class _File:
    kind: str
    body: bytes
    packed: bytes | None = None


class LastingAsset(JupyterHandler):
    """A file under an address that names its version, so that it is fetched once and kept."""

    _files: dict[tuple[str, ...], _File] = {}  # noqa: RUF012 - one for the process

    def initialize(self, path: str | list[str]) -> None:
        """Take the folders that are searched."""
        self._roots = [Path(each).resolve() for each in ([path] if isinstance(path, str) else path)]

    @allow_unauthenticated
    async def get(self, name: str) -> None:
        """Send the file, compressed where the browser takes it."""
        key = (*map(str, self._roots), name)
        file = self._files.get(key)
        if file is None:
            file = self._files[key] = self._read(name)
            asyncio.get_running_loop().run_in_executor(None, _pack, file)
        self.settings["labkit_wanted"].note(self.request.uri, self.request.headers.get("Referer", ""))
        self.set_header("Content-Type", file.kind)
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")
        self.set_header("Vary", "Accept-Encoding")
        if file.packed is not None and "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            await self.finish(file.packed)
        else:
            await self.finish(file.body)

    def _read(self, name: str) -> _File:
        for root in self._roots:
            with contextlib.suppress(OSError, ValueError):
                path = (root / name).resolve()
                if path.is_relative_to(root) and path.is_file():
                    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                    return _File(kind, path.read_bytes())
        raise web.HTTPError(404)


def _pack(file: _File) -> None:
    if file.kind in _COMPRESSIBLE and len(file.body) > _WORTH_IT:
        file.packed = gzip.compress(file.body, 6)


class Wanted:
    """The scripts and styles that dashboards were seen to load, kept from one start to the next.

    It begins with a list that comes with labkit (``jupyter/voila/loads.json``), less what this
    version of Voilà does not have.

    Parameters
    ----------
    version : str
        Of what serves them; a list of another version is not used.
    base : str
        What every address of this server begins with.
    folders : mapping of str to list of str
        By the beginning of an address, the folders that are served there.
    """

    def __init__(self, version: str, base: str, folders: Mapping[str, list[str]]) -> None:
        self._path = ensure_dir(cache_dir() / "assets") / f"{version}.json"
        self._base = base.rstrip("/")
        self._known: dict[str, None] = {}
        for source in (_SEEN, self._path):
            with contextlib.suppress(OSError, ValueError):
                listed = map(str, json.loads(source.read_text("utf-8")))
                self._known |= dict.fromkeys(each for each in listed if _is_there(each, folders))

    def note(self, address: str, page: str) -> None:
        """Remember an address that was asked for by ``page``, if that is a dashboard."""
        address = address.removeprefix(self._base)
        if address in self._known or "/dashboards/" not in urlsplit(page).path or _kind(address) is None:
            return
        self._known[address] = None
        with contextlib.suppress(OSError):
            self._path.write_text(json.dumps([*self._known]), encoding="utf-8")

    def links(self, relation: str, most: int | None = None) -> str:
        """Return a ``Link`` header: ``preload`` for what comes now, ``prefetch`` for the next page.

        With ``most``, as many as fit into so many characters.
        """
        found, length = [], 0
        for each in self._known:
            link = f"<{self._base}{each}>; rel={relation}; as={_kind(each)}"
            length += len(link) + 2
            if most is not None and length > most:
                break
            found.append(link)
        return ", ".join(found)


def _is_there(address: str, folders: Mapping[str, list[str]]) -> bool:
    """Whether a file is served at an address."""
    path = urlsplit(address).path
    return any(
        path.startswith(beginning) and Path(root, path.removeprefix(beginning)).is_file()
        for beginning, roots in folders.items()
        for root in roots
    )


def _kind(address: str) -> str | None:
    return _KINDS.get(Path(urlsplit(address).path).suffix)


def announce(handler: Any, relation: str) -> None:
    """Name what a dashboard loads in the head of an answer.

    Proxies refuse an answer whose head is longer than they expect, nginx and what stands in
    front of a hub at 4 kB: there only what is wanted first is named.
    """
    proxied = handler.settings.get("labkit_proxy") or os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    links = handler.settings["labkit_wanted"].links(relation, _MOST_BEHIND_PROXY if proxied else None)
    if links:
        handler.set_header("Link", links)
