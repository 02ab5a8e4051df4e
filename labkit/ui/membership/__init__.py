"""Panels of the membership lab: overfit, attack, deploy with a budget, state it, audit claims."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.membership.attack import attack_panel
    from labkit.ui.membership.audit import audit_panel
    from labkit.ui.membership.deploy import deploy_panel
    from labkit.ui.membership.evidence import keep_statement
    from labkit.ui.membership.overfit import overfit_panel
    from labkit.ui.membership.statement import statement_panel

_MODULES = {
    "attack_panel": "attack",
    "audit_panel": "audit",
    "deploy_panel": "deploy",
    "keep_statement": "evidence",
    "overfit_panel": "overfit",
    "statement_panel": "statement",
}

__all__ = [
    "attack_panel",
    "audit_panel",
    "deploy_panel",
    "keep_statement",
    "overfit_panel",
    "statement_panel",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
