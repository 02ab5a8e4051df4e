"""Each lab as a dashboard: Voilà's machinery, our template, and only the notebooks of the labs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jupyter_core.paths import jupyter_path
from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from jupyter_server.utils import url_path_join
from jupyterlab_server.themes_handler import ThemesHandler
from nbformat import NotebookNode
from tornado import web
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError
from traitlets.config import Config
from voila import __version__ as voila_version
from voila.configuration import VoilaConfiguration
from voila.paths import collect_static_paths, collect_template_paths
from voila.utils import get_data_dir, get_page_config, get_voila_labextensions_path

from labkit.core.errors import LabkitError
from labkit.core.paths import content_dir
from labkit.course import Lab
from labkit.server.assets import LastingAsset, Wanted, announce
from labkit.server.base import Page
from labkit.server.headers import JUPYTER_POLICY
from labkit.server.rendering import NUMBER, RecordedRenderer, Renderer, beating, lab_path, prepared
from labkit.server.replay.record import Record
from labkit.server.replay.shelf import RecordedPage, Shelf
from labkit.server.room import may_use
from labkit.server.warm.provisioner import PREPARED

__all__ = ["dashboard_handlers"]

_TEMPLATE = "labkit"
_APPS = ["voila", "nbconvert"]
_FAILED = "<script>window.labkit_failed()</script></body></html>"
_AGAIN = "<script>location.reload()</script></body></html>"
_WANTED = ["@voila-dashboards/widgets-manager8", "@jupyter-widgets/jupyterlab-manager"]


class Dashboard(Page):
    """``/dashboards/<lab>``: the lab's notebook, run from top to bottom in a kernel of its own."""

    def initialize(self, **parts: Any) -> None:
        self._parts = parts
        self._kernel: str | None = None
        self._complete = self._gone = False

    @web.authenticated
    async def get(self, name: str) -> None:
        """Run the lab and send its page, piece by piece."""
        self.refuse_other_sites()
        self.lab = lab = self.lab_or_404(name)
        with self.keeper.turns.counted(self.learner) as allowed:
            if not allowed and self.settings.get("labkit_room") is not None:
                self.set_header("Retry-After", "10")
                self.refuse(
                    429, "Several labs are being opened for you already. Try again when they are there."
                )
            elif self.admits(lab):
                await self._send(lab)

    async def _send(self, lab: Lab) -> None:
        if not (lab.folder / "lab.ipynb").is_file():
            raise LabkitError(f"the notebook of {lab.id} is not built; run: labkit build {lab.id}")
        _ = self.xsrf_token  # the page asks with it for its kernel to be shut down
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", JUPYTER_POLICY)
        announce(self, "preload")
        page = await self._parts["shelf"].wait_for(lab, self.request.query)
        try:
            await (self._run(lab) if page is None else self._give_out(page))
        except StreamClosedError:
            pass  # the page was closed; on_connection_close has seen to the kernel
        except Exception:
            self.log.exception("the dashboard of %s ended early", lab.id)
            self.write(_FAILED)
            IOLoop.current().add_callback(self._discard)

    async def _give_out(self, page: RecordedPage) -> None:
        """Send a recorded page; its kernel begins with the state that was recorded with it."""
        # What the page loads takes the browser longer than its kernel takes to start.
        self.write(page.before)
        await self.flush()
        number, kernel = await self._start_kernel({PREPARED: page.name})
        if getattr(kernel.provisioner, "prepared", False):
            self.write(number.encode())
            self.write(page.after)
            self._complete = True
            return
        self.log.warning("%s was not forked from its recorded state; the notebook is run", page.name)
        self._parts["shelf"].drop(page)
        await self._discard()
        self.write(_AGAIN)

    async def _run(self, lab: Lab) -> None:
        """Run the notebook and send what its cells show as they are done."""
        renderer = renderer_of(Renderer, self._parts, lab)
        await renderer.initialize()
        kernel = asyncio.ensure_future(self._start_kernel())
        async for piece in beating(renderer.generate_content_generator(None, kernel)):
            self.write(piece)
            await self.flush()
        self._complete = True

    def on_connection_close(self) -> None:
        """Shut the kernel down when nobody waits for the page any more."""
        super().on_connection_close()
        self._gone = True
        if not self._complete:
            IOLoop.current().add_callback(self._discard)

    async def _start_kernel(self, more: Mapping[str, str] | None = None) -> tuple[str, Any]:
        """Return the number and the manager of a kernel that knows what the page was asked for."""
        about = {
            **(more or {}),
            **self.kernel_environment(),
            "QUERY_STRING": self.request.query,
            "SCRIPT_NAME": self.request.path,
            "SERVER_SOFTWARE": f"voila/{voila_version}",
        }
        environment = {**os.environ, **about}
        async with self.keeper.turns.of(self.learner):
            kernel = str(await self.kernel_manager.start_kernel(kernel_name="python3", env=environment))
            self._kernel = kernel
            if self._gone:
                await self._discard()
                raise StreamClosedError
            await self.kernel_started(kernel, self.lab)
        return kernel, self.kernel_manager.get_kernel(kernel)

    async def _discard(self) -> None:
        kernel, self._kernel = self._kernel, None
        if kernel is not None and kernel in self.kernel_manager:
            kernels: Any = self.kernel_manager
            await kernels.shutdown_kernel(kernel, now=True)


class CloseDashboard(APIHandler):
    """``POST /voila/api/shutdown/<kernel>``: a page says that it is closed."""

    @web.authenticated
    async def post(self, kernel_id: str) -> None:
        """Shut its kernel down; one that is gone already is fine."""
        kernels: Any = self.kernel_manager
        if kernel_id in kernels and may_use(self, kernel_id):
            await kernels.shutdown_kernel(kernel_id, now=True)
        self.set_status(204)
        await self.finish()


def dashboard_handlers(server: ServerApp, base: str) -> list[tuple[Any, ...]]:
    """Return what a dashboard needs of Voilà, and nothing that lists or serves other files."""
    settings = _settings(server)
    template_paths = collect_template_paths(_APPS, _TEMPLATE, root_dirs=jupyter_path())
    extensions = get_voila_labextensions_path(settings.extra_labextensions_path)
    version = f"voila-{voila_version}"
    page_config = get_page_config(
        base_url=base, settings=server.web_app.settings, log=server.log, voila_configuration=settings
    )
    page_config["fullMathjaxUrl"] = url_path_join(base, "labkit/static/mathjax.js")
    page_config["fullStaticUrl"] = url_path_join(base, "labkit", version)
    page_config["fullLabextensionsUrl"] = url_path_join(base, "labkit/labextensions")
    parts: dict[str, Any] = {
        "settings": settings,
        "config": server.config.copy(),
        "template_paths": template_paths,
        "page_config": page_config,
        "notebooks": LargeFileManager(root_dir=str(content_dir("notebooks")), parent=server),
        "base_url": base,
        "specs": server.kernel_spec_manager,
    }
    parts["shelf"] = server.web_app.settings["labkit_shelf"] = Shelf(partial(_composed, parts), server.log)
    template_static = collect_static_paths(_APPS, _TEMPLATE, root_dirs=jupyter_path())
    folders = {
        f"/labkit/{version}/": template_static,
        f"/voila/templates/{_TEMPLATE}/static/": template_static,
        "/labkit/labextensions/": extensions,
    }
    server.web_app.settings["labkit_wanted"] = Wanted(version, base, folders)
    routes: list[tuple[Any, ...]] = [
        (r"/dashboards/([A-Za-z0-9_-]+)", Dashboard, parts),
        (r"/voila/api/shutdown/([0-9a-f-]+)", CloseDashboard),
        *((f"{address}(.*)", LastingAsset, {"path": path}) for address, path in folders.items()),
        (
            r"/voila/api/themes/(.*)",
            ThemesHandler,
            {
                "themes_url": url_path_join(base, "voila/api/themes"),
                "path": str(Path(get_data_dir()) / "themes"),
                "labextensions_path": extensions,
                "no_cache_paths": ["/"],
            },
        ),
    ]
    return [(url_path_join(base, route[0]), *route[1:]) for route in routes]


def renderer_of(kind: Callable[..., Renderer], parts: Mapping[str, Any], lab: Lab) -> Renderer:
    """Return a renderer for the notebook of a lab."""
    return kind(
        request_handler=SimpleNamespace(lab=lab),
        voila_configuration=parts["settings"],
        traitlet_config=parts["config"],
        notebook_path=lab_path(lab),
        template_paths=parts["template_paths"],
        contents_manager=parts["notebooks"],
        base_url=parts["base_url"],
        kernel_spec_manager=parts["specs"],
        page_config=parts["page_config"],
        mathjax_url="",
        mathjax_config="",
    )


async def _composed(parts: Mapping[str, Any], lab: Lab, record: Record) -> tuple[bytes, bytes]:
    """Return the page that a record makes, up to the number of its kernel and from there on."""
    renderer = renderer_of(partial(RecordedRenderer, record), parts, lab)
    await renderer.initialize()
    pieces = [piece async for piece, _ in renderer.generate_content_generator(NUMBER)]
    before, _, after = "".join(pieces).encode().partition(NUMBER.encode())
    return before, after


def _settings(server: ServerApp) -> VoilaConfiguration:
    settings = VoilaConfiguration(parent=server)
    settings.template = _TEMPLATE
    settings.allow_template_override = "NO"
    settings.allow_theme_override = "NO"
    settings.show_tracebacks = False
    settings.strip_sources = True
    settings.extension_allowlist = _WANTED
    settings.prelaunch_hook = _shown
    settings.config = Config({"VoilaConfiguration": {"resources": {}}})
    return settings


def _shown(handler: Any, *, notebook: NotebookNode, cwd: str) -> NotebookNode:
    return prepared(notebook, handler.lab)
