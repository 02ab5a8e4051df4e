"""The server itself: Jupyter Server with JupyterLab and our pages, closed as far as it can be."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path

from jupyter_server.serverapp import ServerApp
from traitlets.config import Config

from labkit.server.launch import LOOPBACK

__all__ = ["make_server"]

# JupyterLab and Voilà evaluate code of their own and style inline; nothing may come from elsewhere.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ]
)
_IDLE_SECONDS = 30 * 60


def make_server(*, host: str, port: int, workspace: Path) -> ServerApp:
    """Return a server that is initialised and not yet started.

    On loopback nothing is asked; the Host header is checked, so a page from elsewhere
    cannot reach it under a name of its own.  On any other address a token is asked for.

    Parameters
    ----------
    host, port : str and int
        Where to listen; the port is not changed when it is taken.
    workspace : Path
        The only folder that is served: the participant's hands-on notebooks.
    """
    local = host in LOOPBACK
    config = Config()
    config.ServerApp.update(
        {
            "ip": host,
            "port": port,
            "port_retries": 0,
            "open_browser": False,
            "root_dir": str(workspace),
            "default_url": "/",
            "allow_remote_access": not local,
            "allow_root": True,
            "terminals_enabled": False,
            "quit_button": False,
            "jpserver_extensions": {"jupyterlab": True, "labkit.server": True},
            "tornado_settings": {
                "headers": {
                    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
                    "X-Content-Type-Options": "nosniff",
                    "Referrer-Policy": "same-origin",
                }
            },
            "log_level": logging.WARNING,
        }
    )
    config.IdentityProvider.token = "" if local else secrets.token_urlsafe(24)
    config.LabApp.update(
        {"extension_manager": "readonly", "news_url": None, "check_for_updates_class": _NEVER}
    )
    config.LabServerApp.blocked_extensions_uris = ""
    config.MappingKernelManager.update(
        {"cull_idle_timeout": _IDLE_SECONDS, "cull_interval": 60, "cull_connected": False}
    )
    config.ContentsManager.allow_hidden = False
    config.FileContentsManager.delete_to_trash = False
    server: ServerApp = ServerApp.instance(config=config)
    server.initialize(argv=[], new_httpserver=True)
    return server


_NEVER = "jupyterlab.NeverCheckForUpdate"
