"""Panels of the lab of robust training: train, find what collapsed, certify, judge claims, sign."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.robustness.certificate import certificate_panel
    from labkit.ui.robustness.claims import claims_panel
    from labkit.ui.robustness.collapse import collapse_panel
    from labkit.ui.robustness.evidence import keep_statement
    from labkit.ui.robustness.statement import statement_panel
    from labkit.ui.robustness.training import training_panel

_MODULES = {
    "certificate_panel": "certificate",
    "claims_panel": "claims",
    "collapse_panel": "collapse",
    "keep_statement": "evidence",
    "statement_panel": "statement",
    "training_panel": "training",
}

__all__ = [
    "certificate_panel",
    "claims_panel",
    "collapse_panel",
    "keep_statement",
    "statement_panel",
    "training_panel",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
