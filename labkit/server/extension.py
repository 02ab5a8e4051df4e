"""What the extension adds to Jupyter Server: our pages and the dashboards."""

from __future__ import annotations

import atexit
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.utils import url_path_join

from labkit import __version__
from labkit.server import evidence, exam, pages, status, warm
from labkit.server.assets import Asset
from labkit.server.background import Trainer
from labkit.server.dashboards import dashboard_handlers
from labkit.server.hands_on import HandsOn
from labkit.server.keeping import Keeper, KernelReport, Limits
from labkit.server.room.routes import room_routes
from labkit.server.subscribed import SubscribedConnection

__all__ = ["load_extension"]

_HERE = Path(__file__).parent
_NAME = r"([A-Za-z0-9_-]+)"
_ROUTES: list[tuple[str, Any]] = [
    (r"/", pages.CataloguePage),
    (r"/progress", pages.ProgressPage),
    (rf"/progress/{_NAME}/reset", pages.ResetAction),
    (r"/glossary", pages.GlossaryPage),
    (r"/standards", pages.StandardsPage),
    (rf"/demo/{_NAME}", pages.DemoPage),
    (rf"/hands-on/{_NAME}", HandsOn),
    (r"/exam", exam.ExamPage),
    (rf"/exam/result/{_NAME}", exam.ExamResult),
    (r"/exam/([a-z]+)", exam.OpenExam),
    (r"/evidence", evidence.EvidencePage),
    (r"/evidence/evidence\.zip", evidence.EvidenceArchive),
    (r"/labkit/alive", status.Alive),
    (r"/labkit/models", status.Models),
    (r"/labkit/kernel/([0-9a-f-]{36})", KernelReport),
    (r"/labkit/pages", status.Pages),
]


def load_extension(server: ServerApp) -> None:
    """Register our handlers; they come before Jupyter's own, so ``/`` is the catalogue."""
    web_app: Any = server.web_app
    base = web_app.settings["base_url"]
    choices = server.config.get("Labkit", {})
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=select_autoescape(default=True)
    )
    environment.globals.update(version=__version__)
    trainer = Trainer()
    warm.register()
    room = choices.get("room")
    web_app.settings.update(labkit_room=room, labkit_proxy=choices.get("proxy", ""))
    web_app.settings.update(labkit_templates=environment, labkit_trainer=trainer, labkit_server=server)
    wire = "kernel_websocket_connection_class"
    if web_app.settings.get(wire) is ZMQChannelsWebsocketConnection:  # nobody chose another
        web_app.settings[wire] = SubscribedConnection
    limits = choices.get("limits") or Limits()
    web_app.settings["labkit_keeper"] = Keeper(server.kernel_manager, limits, room, server.log)
    known = [*_ROUTES, *(room_routes() if room is not None else [])]
    routes: list[tuple[Any, ...]] = [(url_path_join(base, path), handler) for path, handler in known]
    static = {"path": str(_HERE / "static")}
    routes.append((url_path_join(base, r"/labkit/static/(.*)"), Asset, static))
    routes += dashboard_handlers(server, base)
    # Whatever else is asked for below our addresses is answered in our words.
    routes += [
        (url_path_join(base, path), pages.Nowhere)
        # What the whole server does is nothing for a participant to read.
        for path in (
            *((r"/metrics",) if room is not None else ()),
            r"/(?:dashboards|demo|hands-on|progress|exam|evidence|board|room)(?:/.*)?",
            r"/voila/.*",
        )
    ]
    web_app.add_handlers(".*$", routes)
    if choices.get("training", True):
        atexit.register(trainer.stop)
        trainer.start()


async def start_extension(server: ServerApp) -> None:
    """Begin what needs the running server."""
    server.web_app.settings["labkit_keeper"].start()
    if server.config.get("Labkit", {}).get("warm", True):
        warm.start(server.log)
        server.web_app.settings["labkit_shelf"].fill()


# The names by which Jupyter Server finds them.
_load_jupyter_server_extension = load_extension
_start_jupyter_server_extension = start_extension
