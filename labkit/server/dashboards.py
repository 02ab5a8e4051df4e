"""Each lab as a dashboard: Voilà's machinery, our template, and only the notebooks of the labs."""

from __future__ import annotations

import gettext
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from jupyter_core.paths import jupyter_path
from jupyter_server.base.handlers import FileFindHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from jupyter_server.utils import url_path_join
from jupyterlab_server.themes_handler import ThemesHandler
from nbformat import NotebookNode
from traitlets.config import Config
from voila.configuration import VoilaConfiguration
from voila.paths import collect_static_paths, collect_template_paths
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.static_file_handler import MultiStaticFileHandler, TemplateStaticFileHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.utils import get_data_dir, get_voila_labextensions_path

from labkit.core.errors import LabkitError
from labkit.core.paths import content_dir
from labkit.course import find_lab, next_lab
from labkit.server.mathml import with_mathml
from labkit.server.pages import Page

__all__ = ["dashboard_handlers"]

TEMPLATE = "labkit"
_HIDDEN_TAG = "hands-on"
_WANTED = ["@voila-dashboards/widgets-manager8", "@jupyter-widgets/jupyterlab-manager"]


class Dashboard(TornadoVoilaHandler, Page):
    """``/dashboards/<lab>``: the lab's notebook, run from top to bottom in a kernel of its own."""

    def initialize(self, notebooks: LargeFileManager, **kwargs: Any) -> None:
        super().initialize(**kwargs)
        self._notebooks = notebooks

    @property
    def contents_manager(self) -> LargeFileManager:
        """Where notebooks are read from: the labs as they were built, not a participant's copy."""
        return self._notebooks

    async def get(self, path: str | None = None) -> None:
        try:
            lab = find_lab(path or "")
        except LabkitError as error:
            self.refuse(404, str(error))
            return
        if not (lab.folder / "lab.ipynb").is_file():
            self.refuse(404, f"the notebook of {lab.id} is not built; run: labkit build {lab.id}")
            return
        self.lab, self.following = lab, next_lab(lab)
        await super().get(f"{lab.folder.name}/lab.ipynb")


def dashboard_handlers(server: ServerApp, base: str) -> list[tuple[Any, ...]]:
    """Return Voilà's handlers that a dashboard needs, and none that lists or serves other files."""
    settings = VoilaConfiguration(parent=server)
    settings.template = TEMPLATE
    settings.allow_template_override = "NO"
    settings.allow_theme_override = "NO"
    settings.show_tracebacks = False
    settings.strip_sources = True
    settings.extension_allowlist = _WANTED
    settings.prelaunch_hook = _prepared
    settings.page_config_hook = _offline
    settings.config = Config({"VoilaConfiguration": {"resources": {}}})
    apps = ["voila", "nbconvert"]
    template_paths = collect_template_paths(apps, TEMPLATE, root_dirs=jupyter_path())
    environment = Environment(
        loader=FileSystemLoader(template_paths), extensions=["jinja2.ext.i18n"], autoescape=True
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        gettext.NullTranslations(), newstyle=False
    )
    server.web_app.settings["voila_jinja2_env"] = environment
    extensions = get_voila_labextensions_path(settings.extra_labextensions_path)
    config = server.config.copy()
    config.VoilaExecutor.cell_error_instruction = (
        "Something went wrong in this part of the lab. Your progress is kept. "
        "Reload the page; if it stays like this, run labkit doctor in a terminal."
    )

    def at(path: str) -> str:
        return url_path_join(base, path)

    return [
        (
            at(r"/dashboards/([A-Za-z0-9_-]+)"),
            Dashboard,
            {
                "notebooks": LargeFileManager(root_dir=str(content_dir("notebooks"))),
                "config": config,
                "template_paths": template_paths,
                "voila_configuration": settings,
            },
        ),
        (at(r"/voila/templates/(.*)"), TemplateStaticFileHandler),
        (
            at(r"/voila/api/themes/(.*)"),
            ThemesHandler,
            {
                "themes_url": "/voila/api/themes",
                "path": str(Path(get_data_dir()) / "themes"),
                "labextensions_path": extensions,
                "no_cache_paths": ["/"],
            },
        ),
        (
            at(r"/voila/static/(.*)"),
            MultiStaticFileHandler,
            {"paths": collect_static_paths(apps, TEMPLATE, root_dirs=jupyter_path())},
        ),
        (at(r"/voila/api/shutdown/(.*)"), VoilaShutdownKernelHandler),
        (at(r"/voila/labextensions/(.*)"), FileFindHandler, {"path": extensions, "no_cache_paths": ["/"]}),
    ]


def _prepared(handler: Dashboard, *, notebook: NotebookNode, cwd: str) -> NotebookNode:
    """Drop the cells that are written by hand, and tell the template about the lab."""
    notebook.cells = [
        cell for cell in notebook.cells if _HIDDEN_TAG not in cell.get("metadata", {}).get("tags", [])
    ]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
    following = handler.following
    notebook.metadata["labkit"] = {
        "id": handler.lab.id,
        "title": handler.lab.title,
        "next_id": following.id if following else "",
        "next_title": following.title if following else "",
    }
    return notebook


def _offline(page_config: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Take the address of a public server out of the page."""
    page_config["fullMathjaxUrl"] = url_path_join(page_config["baseUrl"], "labkit/static/mathjax.js")
    return page_config
