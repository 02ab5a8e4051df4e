"""Small answers for programs: is the lab up, and are its models ready."""

from __future__ import annotations

from dataclasses import asdict

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from labkit.server.base import Page

__all__ = ["Alive", "Models", "Pages"]


class Alive(JupyterHandler):
    """``/labkit/alive``: that the server is up, and nothing else, so it asks for nothing."""

    @allow_unauthenticated
    def get(self) -> None:
        """Say it."""
        self.set_header("Content-Type", "text/plain")
        self.set_header("Cache-Control", "no-store")
        self.finish("labkit")


class Models(Page):
    """``/labkit/models``: how far the victims are that are trained in the background."""

    @web.authenticated
    def get(self) -> None:
        """Return a line to show, and the state of each victim."""
        trainer = self.settings["labkit_trainer"]
        self.set_header("Cache-Control", "no-store")
        self.finish({"summary": trainer.summary, "victims": [asdict(each) for each in trainer.states]})


class Pages(Page):
    """``/labkit/pages``: which labs open at once, and whether more are being prepared."""

    @web.authenticated
    def get(self) -> None:
        """Return the ids of the labs whose first scenario is recorded."""
        shelf = self.settings["labkit_shelf"]
        self.set_header("Cache-Control", "no-store")
        self.finish({"labs": shelf.labs, "preparing": shelf.preparing})
