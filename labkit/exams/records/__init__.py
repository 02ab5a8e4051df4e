"""The gradebook: results that are entered once, released by a second person, and appealed.

SQLite by default, PostgreSQL by its address; what happened is never changed in either.
"""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.exams.records.adding import Added, add_sheets
    from labkit.exams.records.appeals import (
        DUE_DAYS,
        STATES,
        Ticket,
        answer_appeal,
        check_pack,
        open_appeal,
        tickets,
    )
    from labkit.exams.records.database import Records, default_url, open_records, upgrade
    from labkit.exams.records.events import ChainState, check_chain
    from labkit.exams.records.exporting import Result, as_csv, results
    from labkit.exams.records.people import ROLES, add_candidates, add_officer, erase_candidate, officers
    from labkit.exams.records.releasing import Released, award_of, practice_award, release
    from labkit.exams.records.sheets import Sheet, read_sheet, read_sheets, sheet_of

_MODULES = {
    "adding": ("Added", "add_sheets"),
    "appeals": ("DUE_DAYS", "STATES", "Ticket", "answer_appeal", "check_pack", "open_appeal", "tickets"),
    "database": ("Records", "default_url", "open_records", "upgrade"),
    "events": ("ChainState", "check_chain"),
    "exporting": ("Result", "as_csv", "results"),
    "people": ("ROLES", "add_candidates", "add_officer", "erase_candidate", "officers"),
    "releasing": ("Released", "award_of", "practice_award", "release"),
    "sheets": ("Sheet", "read_sheet", "read_sheets", "sheet_of"),
}

__all__ = [
    "DUE_DAYS",
    "ROLES",
    "STATES",
    "Added",
    "ChainState",
    "Records",
    "Released",
    "Result",
    "Sheet",
    "Ticket",
    "add_candidates",
    "add_officer",
    "add_sheets",
    "answer_appeal",
    "as_csv",
    "award_of",
    "check_chain",
    "check_pack",
    "default_url",
    "erase_candidate",
    "officers",
    "open_appeal",
    "open_records",
    "practice_award",
    "read_sheet",
    "read_sheets",
    "release",
    "results",
    "sheet_of",
    "tickets",
    "upgrade",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names}
)
