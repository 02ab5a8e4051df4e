"""What every page of ours has: its template, its headers, and errors in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from labkit.core.errors import InvalidInputError, LabkitError, StorageError, UnknownNameError
from labkit.course import Lab, LabProgress, ProgressLog, find_lab, fold, labs, learner_name
from labkit.course.events import Event
from labkit.course.gate import DEMONSTRATION, lab_states
from labkit.server.headers import PAGE_POLICY

if TYPE_CHECKING:
    from labkit.server.keeping.keeper import Keeper
    from labkit.server.keeping.limits import Reason
    from labkit.server.room.room import Room

__all__ = ["Page"]


class Page(JupyterHandler):
    """A page of ours."""

    @property
    def room(self) -> Room:
        """The class that is being served; only pages that a class has may ask."""
        room: Room = self.settings["labkit_room"]
        return room

    @property
    def keeper(self) -> Keeper:
        """Who watches over the kernels of dashboards."""
        keeper: Keeper = self.settings["labkit_keeper"]
        return keeper

    @property
    def learner(self) -> str:
        """Whose page it is: the participant of a class, else the learner of this machine."""
        if self.settings.get("labkit_room") is None:
            return learner_name()
        return str(self.current_user.username) if self.current_user else ""

    @property
    def is_instructors(self) -> bool:
        """Whether this page is the instructor's, and not a participant's."""
        return self.learner == DEMONSTRATION

    @property
    def address(self) -> str:
        """Where a request comes from; behind a proxy, as the proxy itself says it.

        A browser may send the headers of a proxy, too, so only what was added last counts.
        """
        if self.settings.get("labkit_proxy"):
            said = self.request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
            return said or str(self.request.remote_ip)
        return str(self.request.remote_ip)

    def get_login_url(self) -> str:
        """Return where somebody without a cookie is sent: in a class, to its entrance."""
        if self.settings.get("labkit_room") is None:
            return str(super().get_login_url())
        return f"{self.base_url}enter"

    def show(self, template: str, **values: Any) -> None:
        """Send a page made from a template."""
        self.set_header("Content-Security-Policy", PAGE_POLICY)
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")
        page = self.settings["labkit_templates"].get_template(template)
        values = {
            "trouble": "",
            "models": self.settings["labkit_trainer"].summary,
            "room": self.settings.get("labkit_room"),
            "me": self.current_user.display_name if self.current_user and not self.is_instructors else "",
            "instructor": self.is_instructors,
            **values,
        }
        self.finish(
            page.render(
                xsrf=self.xsrf_token.decode(),
                path=self.request.path,
                base_url=self.base_url,
                **values,
            )
        )

    def refuse(self, status: int, message: str) -> None:
        """Say in plain words why there is no such page."""
        self.set_status(status)
        self.show("error.html", status=status, message=message)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an error without a traceback."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, LabkitError):
            asked_wrongly = isinstance(error, InvalidInputError | UnknownNameError)
            status_code = 400 if asked_wrongly else 507 if isinstance(error, StorageError) else 500
            message = str(error)
        elif isinstance(error, web.HTTPError) and status_code < 500:
            said = error.log_message or ""
            message = said % error.args if error.args else said
            message = message.replace("%%", "%") or "That page or action is not there."
        else:
            message = (
                "Something went wrong on our side. Your progress is kept. Try again; if it stays like "
                "this, run labkit doctor in a terminal."
            )
        self.refuse(status_code, message)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Keep to one line what is no surprise."""
        if isinstance(value, LabkitError):
            self.log.warning("%s %s: %s", self.request.method, self.request.path, value)
        else:
            super().log_exception(typ, value, tb)

    def refuse_other_sites(self) -> None:
        """Refuse what another site's page starts by itself, such as a picture or a frame.

        Opening a lab starts a Python process; only a person who follows a link may do that.
        """
        site = self.request.headers.get("Sec-Fetch-Site", "none")
        mode = self.request.headers.get("Sec-Fetch-Mode", "navigate")
        place = self.request.headers.get("Sec-Fetch-Dest", "document")
        if site in ("cross-site", "same-site") and (mode != "navigate" or place != "document"):
            raise web.HTTPError(403, "Another site tried to open a lab in the background; it was refused.")

    def lab_or_404(self, name: str) -> Lab:
        """Return the lab, or answer that there is none."""
        try:
            return find_lab(name)
        except LookupError as error:
            raise web.HTTPError(404, str(error).replace("%", "%%")) from None

    def admits(self, lab: Lab) -> bool:
        """Whether a lab may be opened now; when not, the answer has been given."""
        room = self.settings.get("labkit_room")
        if room is None:
            return True
        if not self.is_instructors and lab_states(room.log).get(lab.id) == "closed":
            self.set_status(403)
            self.show("closed.html", lab=lab)
            return False
        if not self.keeper.admit(self.learner):
            self.set_status(503)
            self.set_header("Retry-After", "20")
            self.show("full.html", lab=lab, opened=room.taken)
            return False
        return True

    def kernel_environment(self) -> dict[str, str]:
        """Return what a kernel for this page must know about whose it is."""
        return {} if self.settings.get("labkit_room") is None else {"LABKIT_LEARNER": self.learner}

    async def kernel_started(self, kernel: str, lab: Lab) -> None:
        """Keep whose kernel it is; the oldest of somebody who has too many are shut down."""
        self.keeper.adopt(kernel, self.learner)
        room = self.settings.get("labkit_room")
        if room is not None:
            for known in set(room.known_kernels()) - {kernel}:
                if known not in self.kernel_manager:
                    room.ended(known)
            await self.shut_down(room.started(self.learner, kernel, lab.id), "newer")
            if self.learner != DEMONSTRATION and room.people.find(self.learner) is None:
                await self.shut_down([kernel], "removed")  # taken out while it was being started

    async def shut_down(self, kernels: list[str], reason: Reason = "closed") -> None:
        """Shut kernels of a class down; those that are gone already are forgotten."""
        for kernel in kernels:
            await self.keeper.end(kernel, reason)

    def events(self) -> tuple[list[Event], str]:
        """Return the learner's events, and what to say when they could not be read."""
        try:
            return ProgressLog().events(learner=self.learner), ""
        except StorageError as error:
            return [], str(error)

    def progress(self) -> tuple[dict[str, LabProgress], str]:
        """Return the learner's progress by lab, and what to say when it could not be read."""
        events, trouble = self.events()
        return {lab.id: fold(lab, events) for lab in labs()}, trouble
