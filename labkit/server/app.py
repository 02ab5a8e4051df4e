"""The server itself: Jupyter Server with JupyterLab and our pages, closed as far as it can be."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp
from traitlets.config import Config

from labkit.core.paths import cache_dir, ensure_dir
from labkit.server.environment import kernel_transport
from labkit.server.headers import JUPYTER_POLICY
from labkit.server.keeping import Limits
from labkit.server.launch import is_loopback
from labkit.server.logs import logging_config
from labkit.server.room import GuardedConnection, Room, RoomAuthorizer, RoomIdentity

__all__ = ["make_server"]

_IDLE_SECONDS = 30 * 60
_LARGEST_REQUEST = 64 * 1024 * 1024  # bytes; a notebook with its pictures is far smaller


def make_server(
    *,
    host: str,
    port: int,
    workspace: Path,
    training: bool = True,
    warm: bool = True,
    room: Room | None = None,
    limits: Limits | None = None,
    proxy: str = "",
) -> ServerApp:
    """Return a server that is initialised and not yet started.

    On loopback nothing is asked; the Host header is checked, so a page from elsewhere
    cannot reach it under a name of its own.  On any other address a token is asked for.

    Parameters
    ----------
    host, port : str and int
        Where to listen; the port is not changed when it is taken.
    workspace : Path
        The only folder that is served: the participant's hands-on notebooks.
    training : bool
        Whether victims are trained in the background.
    warm : bool
        Whether kernels are forked from a process that has imported everything, where that is possible.
    room : Room, optional
        The class that is served; none on a server of one's own.
    limits : Limits, optional
        What each kernel of a dashboard may use.
    proxy : str
        The name under which a proxy with a certificate passes requests on to here; empty without one.
    """
    local = is_loopback(host)
    config = Config()
    config.Application.logging_config = logging_config(ensure_dir(cache_dir() / "logs") / "server.log")
    config.ServerApp.update(_server_settings(host, port, workspace, local))
    config.IdentityProvider.token = "" if local else secrets.token_urlsafe(24)
    config.PasswordIdentityProvider.hashed_password = ""
    config.LabApp.update(
        {"extension_manager": "readonly", "news_url": None, "check_for_updates_class": _NEVER}
    )
    config.LabServerApp.blocked_extensions_uris = ""
    config.KernelSpecManager.allowed_kernelspecs = {"python3"}
    config.MappingKernelManager.update(
        {"cull_idle_timeout": _IDLE_SECONDS, "cull_interval": 60, "cull_connected": False}
    )
    config.KernelManager.transport = kernel_transport()
    config.KernelManager.client_factory = "labkit.server.warm.client.PromptClient"
    config.ContentsManager.allow_hidden = False
    config.FileContentsManager.delete_to_trash = False
    config.Labkit.update({"training": training, "warm": warm, "room": room, "limits": limits})
    if room is not None:
        _let_in_only(config, room)
    if proxy:
        _stand_behind(config, proxy)
    server: ServerApp = ServerApp.instance(config=config)
    server.initialize(argv=[], new_httpserver=True)
    return server


def _let_in_only(config: Config, room: Room) -> None:
    """Let participants of a class in, by their cookie, to our pages and their own kernels."""
    # A kernel that was started again would be an empty one: the page is told, and opened anew.
    config.KernelManager.autorestart = False
    config.ServerApp.update(
        {
            "identity_provider_class": RoomIdentity,
            "authorizer_class": RoomAuthorizer,
            "kernel_websocket_connection_class": GuardedConnection,
            # Kept with the class, so that a restart of the server sends nobody to the entrance.
            "cookie_secret": hmac.new(room.secret, b"cookies", hashlib.sha256).digest(),
            "jpserver_extensions": {"jupyterlab": False, "labkit.server": True},
        }
    )


def _stand_behind(config: Config, proxy: str) -> None:
    """Answer to the name of a proxy, believe what it says of the browser, and keep cookies to HTTPS."""
    config.Labkit.proxy = proxy
    config.ServerApp.update(
        {"local_hostnames": ["localhost", proxy.partition(":")[0]], "trust_xheaders": True}
    )
    config.ServerApp.tornado_settings["xsrf_cookie_kwargs"] = {"path": "/", "secure": True, "samesite": "Lax"}


def _server_settings(host: str, port: int, workspace: Path, local: bool) -> dict[str, Any]:
    return {
        "ip": host,
        "port": port,
        "port_retries": 0,
        "open_browser": False,
        "root_dir": str(workspace),
        "default_url": "/",
        "allow_remote_access": not local,
        "allow_unauthenticated_access": False,
        "allow_root": True,
        "terminals_enabled": False,
        "quit_button": False,
        "max_body_size": _LARGEST_REQUEST,
        "max_buffer_size": _LARGEST_REQUEST,
        "jpserver_extensions": {"jupyterlab": True, "labkit.server": True},
        "tornado_settings": {
            "headers": {
                "Content-Security-Policy": JUPYTER_POLICY,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "same-origin",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
            }
        },
    }


_NEVER = "jupyterlab.NeverCheckForUpdate"
