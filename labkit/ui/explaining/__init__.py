"""Panels of the lab about explanations: explain, scaffold, look at one applicant, audit, write the note."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.explaining.applicant import applicant_panel
    from labkit.ui.explaining.audit import audit_panel
    from labkit.ui.explaining.explain import explain_panel
    from labkit.ui.explaining.note import note_panel
    from labkit.ui.explaining.scaffold import scaffold_panel

_MODULES = {
    "applicant_panel": "applicant",
    "audit_panel": "audit",
    "explain_panel": "explain",
    "note_panel": "note",
    "scaffold_panel": "scaffold",
}

__all__ = ["applicant_panel", "audit_panel", "explain_panel", "note_panel", "scaffold_panel"]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
