"""What a participant of a class may reach: their own kernels' channels, and pages that are ours.

Everything that Jupyter Server offers besides (contents, kernels, sessions, terminals,
configuration, files) is refused, for it would run under the account that serves the class.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.auth.identity import User

__all__ = ["RoomAuthorizer", "may_use"]


class RoomAuthorizer(Authorizer):
    """Allows the channels of one's own kernel, and nothing else of Jupyter Server."""

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        """Say whether ``user`` may do this."""
        from jupyter_server.services.kernels.handlers import KernelHandler
        from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

        # A page asks whether its kernel is there, and then for its channels.
        if isinstance(handler, KernelHandler) and handler.request.method == "GET":
            return may_use(handler, handler.path_kwargs["kernel_id"])
        return isinstance(handler, KernelWebsocketHandler) and may_use(handler, handler.kernel_id)


def may_use(handler: Any, kernel: str) -> bool:
    """Whether the person who asks may reach a kernel: anybody's on one's own server, else the owner."""
    room = handler.settings.get("labkit_room")
    if room is None:
        return True
    user = handler.current_user
    return user is not None and room.owns(user.username, kernel)
