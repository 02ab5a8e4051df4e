"""What an organisation chooses and does: frameworks, controls across lists, gaps, applicability.

Legal duties are not chosen, they apply: see :mod:`labkit.governance.obligations`.
"""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.governance.controls.applicability import (
        Control,
        Line,
        Need,
        Orphan,
        annex_a,
        need_of,
        read_line,
        reasons,
        review,
    )
    from labkit.governance.controls.choosing import (
        CONTEXT_FACTS,
        Context,
        Fit,
        Framework,
        Reason,
        duties,
        factors,
        frameworks,
        rank,
    )
    from labkit.governance.controls.crosswalk import (
        LISTS,
        Theme,
        arguable,
        find_theme,
        related,
        themes,
        themes_of,
        title_of,
    )
    from labkit.governance.controls.evidence import Document, documents
    from labkit.governance.controls.heat import HEAT, LEVELS, Cell, Gap, gaps, heat_map

_MODULES = {
    "CONTEXT_FACTS": "choosing",
    "Cell": "heat",
    "Context": "choosing",
    "Control": "applicability",
    "Document": "evidence",
    "Fit": "choosing",
    "Framework": "choosing",
    "Gap": "heat",
    "HEAT": "heat",
    "LEVELS": "heat",
    "LISTS": "crosswalk",
    "Line": "applicability",
    "Need": "applicability",
    "Orphan": "applicability",
    "Reason": "choosing",
    "Theme": "crosswalk",
    "annex_a": "applicability",
    "arguable": "crosswalk",
    "documents": "evidence",
    "duties": "choosing",
    "factors": "choosing",
    "find_theme": "crosswalk",
    "frameworks": "choosing",
    "gaps": "heat",
    "heat_map": "heat",
    "need_of": "applicability",
    "rank": "choosing",
    "read_line": "applicability",
    "reasons": "applicability",
    "related": "crosswalk",
    "review": "applicability",
    "themes": "crosswalk",
    "themes_of": "crosswalk",
    "title_of": "crosswalk",
}

__all__ = [
    "CONTEXT_FACTS",
    "HEAT",
    "LEVELS",
    "LISTS",
    "Cell",
    "Context",
    "Control",
    "Document",
    "Fit",
    "Framework",
    "Gap",
    "Line",
    "Need",
    "Orphan",
    "Reason",
    "Theme",
    "annex_a",
    "arguable",
    "documents",
    "duties",
    "factors",
    "find_theme",
    "frameworks",
    "gaps",
    "heat_map",
    "need_of",
    "rank",
    "read_line",
    "reasons",
    "related",
    "review",
    "themes",
    "themes_of",
    "title_of",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
