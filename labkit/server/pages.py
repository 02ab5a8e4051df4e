"""The pages around the labs, each computed from the catalogue and the log."""

from __future__ import annotations

import json

from jupyter_server.utils import url_path_join
from tornado import web

from labkit.course import DOMAINS, ProgressLog, labs, standards_index
from labkit.course.answers import calibration
from labkit.course.gate import lab_states
from labkit.course.glossary import terms
from labkit.governance import standards
from labkit.server.assets import announce
from labkit.server.base import Page
from labkit.server.charts import attempts_chart, calibration_chart
from labkit.server.evidence import own_pack

__all__ = [
    "CataloguePage",
    "DemoPage",
    "GlossaryPage",
    "Nowhere",
    "ProgressPage",
    "ResetAction",
    "StandardsPage",
]


class CataloguePage(Page):
    """``/``: every lab as a card, and where to go on."""

    @web.authenticated
    def get(self) -> None:
        """Show the catalogue."""
        announce(self, "prefetch")
        progress, trouble = self.progress()
        known = labs()
        begun = [lab for lab in known if progress[lab.id].started and not progress[lab.id].finished]
        latest = max(begun, key=lambda lab: progress[lab.id].last or "", default=None)
        following = next((lab for lab in known if not progress[lab.id].finished), None)
        self.show(
            "catalogue.html",
            labs=known,
            by_id={lab.id: lab for lab in known},
            progress=progress,
            domains=DOMAINS,
            latest=latest,
            following=following,
            reached=sum(len(progress[lab.id].passed) for lab in known),
            trouble=trouble,
            states=lab_states(ProgressLog()),
        )


class ProgressPage(Page):
    """``/progress``: objectives, attempts over time, how well confidence fits."""

    @web.authenticated
    def get(self) -> None:
        """Show the progress of this learner."""
        progress, trouble = self.progress()
        events, _ = self.events()
        fit = calibration(events)
        charts = {
            (lab.id, checkpoint.id): attempts_chart(checkpoint, tried)
            for lab in labs()
            for checkpoint in lab.checkpoints
            if (tried := progress[lab.id].attempts.get(checkpoint.id, ()))
        }
        self.show(
            "progress.html",
            labs=labs(),
            progress=progress,
            charts=charts,
            calibration=fit,
            calibration_chart=calibration_chart(fit),
            evidence=len(own_pack(self.learner).entries()),
            trouble=trouble,
            learner=self.learner
            if self.settings.get("labkit_room") is None
            else self.current_user.display_name,
        )


class ResetAction(Page):
    """``POST /progress/<lab>/reset``: begin a lab again; nothing is erased."""

    @web.authenticated
    def post(self, name: str) -> None:
        """Record the new beginning and go back to the progress page."""
        lab = self.lab_or_404(name)
        ProgressLog().append(self.learner, lab.id, "reset", {})
        self.redirect(url_path_join(self.base_url, "progress"), status=303)


class GlossaryPage(Page):
    """``/glossary``: the words of the house, and the labs that use them."""

    @web.authenticated
    def get(self) -> None:
        """Show the glossary."""
        using = {name: [lab for lab in labs() if name in lab.glossary] for name in terms()}
        self.show("glossary.html", terms=terms(), using=using)


class StandardsPage(Page):
    """``/standards``: which lab is about which entry of which standard."""

    @web.authenticated
    def get(self) -> None:
        """Show the index, one table a standard."""
        index = standards_index()
        titles = {each.id: f"{each.title}, {each.edition}" for each in standards.standards()}
        lists: dict[str, list[tuple[standards.Entry, list[object]]]] = {}
        for name in index:
            entry = standards.lookup(name)
            lists.setdefault(titles[entry.standard], []).append((entry, list(index[name])))
        self.show("standards.html", lists=dict(sorted(lists.items())), count=len(index))


class DemoPage(Page):
    """``/demo/<lab>``: the prepared states of a lab, one after the other, for a room."""

    @web.authenticated
    def get(self, name: str) -> None:
        """Show the first state; the rest is stepped through without a reload."""
        lab = self.lab_or_404(name)
        states = [{"title": each.title, "say": each.say} for each in lab.demo]
        self.show("demo.html", lab=lab, states=states, states_json=json.dumps(states))


class Nowhere(Page):
    """Every address below ours that is none."""

    @web.authenticated
    def get(self) -> None:
        """Say that there is nothing."""
        raise web.HTTPError(404, "There is nothing at this address.")
