"""A result as a page to read and to print: what was measured, what it earned, why, and what comes next.

Everything that a candidate wrote is shown as text.  In ``exam`` mode the page says nothing that
would spend an item or a variant: what was asked, which options were right, which variant it was.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from labkit.core.errors import LabkitError
from labkit.exams.grading.feedback_items import items_with_reasons
from labkit.exams.grading.feedback_parts import STYLE, as_list, as_share, as_table, escape
from labkit.exams.grading.reproducing import reproduction_line

__all__ = ["feedback_page"]

_DECISIONS = {True: "Passed", False: "Not passed"}


def feedback_page(sheet: Mapping[str, Any]) -> str:
    """Return the result as one HTML page without scripts or anything to load.

    Parameters
    ----------
    sheet : mapping
        A score sheet.
    """
    told, rehearsed = sheet["mode"] != "exam", sheet["mode"] == "rehearsal"
    name = str((sheet.get("candidate") or {}).get("name") or "")
    parts = [
        f"<h1>{'Rehearsal' if rehearsed else 'Result'}: {escape(name)}</h1>",
        _summary(sheet),
        _order(sheet),
        "" if rehearsed else _rules(sheet),
        _domains(sheet),
        "" if rehearsed else _next(sheet),
        *(_task(task, told) for task in sheet["tasks"]),
        _credits(sheet["items"], told) if sheet["items"] else "",
        _calibration(sheet),
        items_with_reasons(sheet["items"]) if told and sheet["items"] else "",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Exam result: {escape(name)}</title><style>{STYLE}</style></head>\n<body><main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


def _summary(sheet: Mapping[str, Any]) -> str:
    total, decision = sheet["total"], sheet["decision"]
    earned = f"{total['earned']:.1f} of {total['points']:g} points"
    if sheet["mode"] == "rehearsal":
        lines = [f"This was a rehearsal, so nothing is decided by it: {earned}."]
    else:
        lines = [
            f"<strong>{_DECISIONS[decision['passed']]}</strong>: {as_share(total['share'])} of what this "
            f"form could earn ({earned}), with a standard error of {as_share(sheet['sem'])}: on another form "
            "of the same exam you would come out that close to it two times out of three.",
            f"Knowledge and practice: {escape(sheet['quadrant'])} ({_part(sheet, 'knowledge')} of the points "
            f"of the items, {_part(sheet, 'practical')} of those of the tasks).",
        ]
    lines.append(
        f"Exam {escape(str(sheet['exam']))}, blueprint {escape(str(sheet['blueprint']))}, mode "
        f"{escape(str(sheet['mode']))}, session {escape(str(sheet['session']))}, graded "
        f"{escape(str(sheet['graded_at']))} by version {escape(str(sheet['grader']))}."
    )
    if arrival := sheet.get("arrival"):
        minutes = arrival["added_minutes"]
        added = f", with {minutes} minutes that were added" if minutes else ""
        lines.append(f"Arrived {escape(str(arrival['at']))}, by {escape(str(arrival['by']))}{added}.")
    if decision["within_one_sem"] and sheet["mode"] != "rehearsal":
        lines.append("The share lies within one standard error below the cut: ask about a re-take.")
    return "".join(f"<p>{line}</p>" for line in lines)


def _part(sheet: Mapping[str, Any], name: str) -> str:
    part = sheet[name]
    return as_share(part["earned"] / part["points"]) if part["points"] else "none"


def _order(sheet: Mapping[str, Any]) -> str:
    told = sheet.get("reproduction") or {}
    reasons = [*sheet["verified"]["reasons"], *sheet["flags"]]
    reasons += [reproduction_line(told)] if told.get("asked") else []
    if not reasons:
        return ""
    return f'<div class="note"><h2>What was noted</h2>{as_list(reasons)}</div>'


def _rules(sheet: Mapping[str, Any]) -> str:
    rows = []
    for rule in sheet["decision"]["rules"]:
        name, shares = rule["rule"], isinstance(rule["needed"], float)
        needed, reached = (as_share(rule[key]) if shares else "" for key in ("needed", "reached"))
        if (title := _title(sheet, name.removeprefix("domain "))) and name.startswith("domain "):
            name = f"{name}: {title}"
        rows.append([name, needed, reached, "met" if rule["met"] else "not met"])
    return "<h2>Decision</h2>" + as_table(
        "What has to be reached, all of it", ["Rule", "Needed", "Reached", "Result"], rows
    )


def _domains(sheet: Mapping[str, Any]) -> str:
    rows = []
    for name, part in sheet["domains"].items():
        if part["points"]:
            share = part["earned"] / part["points"]
            bar = f'<div class="bar" aria-hidden="true"><span style="width:{100 * share:.0f}%"></span></div>'
            full = escape(f"{name} {_title(sheet, name)}")
            rows.append(
                f"<tr><th scope='row'>{full}</th><td class='number'>{part['earned']:.2f} of "
                f"{part['points']:g}</td><td class='number'>{as_share(share)}</td><td>{bar}</td></tr>"
            )
    head = (
        "<tr><th scope='col'>Domain</th><th scope='col'>Points</th><th scope='col'>Share</th><td></td></tr>"
    )
    return f"<h2>Domains</h2><table><caption>Points by domain</caption>{head}{''.join(rows)}</table>"


def _next(sheet: Mapping[str, Any]) -> str:
    """Return where most is to be won: domains below the cut, the most lost points first, with their labs."""
    cut = next(rule["needed"] for rule in sheet["decision"]["rules"])
    weak = [
        (part["points"] - part["earned"], name)
        for name, part in sheet["domains"].items()
        if part["points"] and part["earned"] < cut * part["points"]
    ]
    if not weak:
        return ""
    labs = _labs()
    rows = [
        [f"{name} {_title(sheet, name)}", f"{lost:.1f}", ", ".join(labs.get(name, ())) or "none yet"]
        for lost, name in sorted(weak, reverse=True)
    ]
    return "<h2>Where to go on</h2>" + as_table(
        f"Domains below {as_share(cut)}, and labs about them", ["Domain", "Points left", "Labs"], rows
    )


@functools.lru_cache(1)
def _labs() -> Mapping[str, tuple[str, ...]]:
    from labkit.course import by_domain

    try:
        return {
            domain: tuple(f"{lab.id} {lab.title}" for lab in labs) for domain, labs in by_domain().items()
        }
    except LabkitError:  # a machine that grades may hold no labs
        return {}


def _title(sheet: Mapping[str, Any], domain: str) -> str:
    return str(sheet.get("domain_titles", {}).get(domain, ""))


def _task(task: Mapping[str, Any], told: bool) -> str:
    title = f"{task['slot']} {task.get('title', '')}".strip()
    page = f"<h2>{escape(title)}</h2>"
    if not task["handed_in"]:
        return page + f"<p>Nothing was handed in: 0 of {task['points']:g} points.</p>"
    rows = [
        [
            line["metric"].replace("_", " "),
            line["part"],
            "not measured" if line["measured"] is None else f"{line['measured']:.4g}",
            f"{line['earned']:.2f} of {line['points']:g}",
            line["why"],
        ]
        for line in task["lines"]
    ]
    heads = ["Criterion", "Part", "Measured", "Earned", "Why"]
    page += as_table(f"{task['earned']:.2f} of {task['points']:g} points", heads, rows)
    notes = [*task["critical"], *task["refused"]]
    page += as_list(notes) if notes else ""
    if told:
        page += "".join(map(_choice, task["justifications"]))
        if task["facts"]:
            page += as_table("Also measured", ["Fact", "Value"], [[k, v] for k, v in task["facts"].items()])
    return page


def _choice(made: Mapping[str, Any]) -> str:
    """Return one choice to defend: what was chosen, what it is worth, and what is worth all."""
    worth = f"Worth {as_share(made['credit'])}"
    rows = [["You chose", made["chosen"] or "nothing", f"{worth}. {made['why']}".strip()]]
    if made["chosen"] != made["best"]:
        rows.append(["Worth all", made["best"], made["best_why"]])
    return as_table(made["question"], ["", "Choice", "Why"], rows)


def _credits(items: Sequence[Mapping[str, Any]], told: bool) -> str:
    rows = [
        [
            item["id"] if told else str(number),
            item["domain"],
            item["kind"],
            "left open" if item["answer"] is None else f"{item['credit']:.2f}",
            item["confidence"] or "not said",
        ]
        for number, item in enumerate(items, start=1)
    ]
    heads: Iterable[str] = ["Item", "Domain", "Kind", "Credit", "You said"]
    return "<h2>Items</h2>" + as_table("Credit by item", heads, rows)


def _calibration(sheet: Mapping[str, Any]) -> str:
    found = sheet["calibration"]
    rows = [
        [
            level,
            found[level]["count"],
            "" if found[level]["credit"] is None else as_share(found[level]["credit"]),
        ]
        for level in ("guess", "think", "know")
    ]
    if not any(row[1] for row in rows):
        return ""
    table = as_table("How sure you were, and how right", ["You said", "Answers", "Mean credit"], rows)
    return f"<h2>Confidence</h2>{table}<p>Said to be known, and wrong: {found['sure_and_wrong']}.</p>"
