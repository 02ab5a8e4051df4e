"""What the extension adds to Jupyter Server: our pages and the dashboards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado.web import StaticFileHandler

from labkit import __version__
from labkit.server import pages
from labkit.server.dashboards import dashboard_handlers

__all__ = ["_load_jupyter_server_extension"]

_HERE = Path(__file__).parent


def _load_jupyter_server_extension(server: ServerApp) -> None:
    """Register our handlers; they come before Jupyter's own, so ``/`` is the catalogue."""
    web_app: Any = server.web_app
    base = web_app.settings["base_url"]
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=select_autoescape(default=True)
    )
    environment.globals.update(base_url=base, version=__version__)
    web_app.settings["labkit_templates"] = environment
    name = r"([A-Za-z0-9_-]+)"
    routes = [
        (r"/", pages.CataloguePage),
        (r"/progress", pages.ProgressPage),
        (rf"/progress/{name}/reset", pages.ResetAction),
        (r"/glossary", pages.GlossaryPage),
        (r"/standards", pages.StandardsPage),
        (rf"/demo/{name}", pages.DemoPage),
        (rf"/hands-on/{name}", pages.HandsOn),
        (r"/evidence", pages.EvidencePage),
        (r"/labkit/alive", pages.Alive),
    ]
    handlers: list[tuple[Any, ...]] = [(url_path_join(base, path), handler) for path, handler in routes]
    handlers.append(
        (url_path_join(base, r"/labkit/static/(.*)"), StaticFileHandler, {"path": str(_HERE / "static")})
    )
    web_app.add_handlers(".*$", handlers + dashboard_handlers(server, base))
