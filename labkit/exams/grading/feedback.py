"""A result as a page to read and to print: what was measured, what it earned, and why.

Everything that a candidate wrote is shown as text.  In ``exam`` mode the page says nothing that
would spend an item or a variant: which options were right, which variant it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from labkit.exams.grading.reproducing import reproduction_line

__all__ = ["feedback_page"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem }
h1, h2, h3 { line-height: 1.2 } h2 { margin-top: 2.2rem; border-bottom: 1px solid #767676 }
table { border-collapse: collapse; width: 100%; margin: .6rem 0 }
caption { text-align: left; font-weight: 600 }
th, td { border: 1px solid #767676; padding: .3rem .5rem; text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.bar { min-width: 6rem; height: .8rem; border: 1px solid #1b1b1b; background: #fff }
.bar span { display: block; height: 100%;
background: #1b4f72; print-color-adjust: exact; -webkit-print-color-adjust: exact }
.note { border-left: .3rem solid #1b4f72; padding-left: .8rem }
@media print { body { margin: 0; max-width: none; font-size: 11pt } h2, table, li { break-inside: avoid } }
"""

_DECISIONS = {True: "Passed", False: "Not passed"}


def feedback_page(sheet: Mapping[str, Any]) -> str:
    """Return the result as one HTML page without scripts or anything to load.

    Parameters
    ----------
    sheet : mapping
        A score sheet.
    """
    told = sheet["mode"] != "exam"
    name = (sheet.get("candidate") or {}).get("name") or ""
    parts = [
        f"<h1>Result: {escape(str(name))}</h1>",
        _summary(sheet),
        _order(sheet),
        _rules(sheet),
        _domains(sheet),
        *(_task(task, told) for task in sheet["tasks"]),
        _items(sheet["items"], told) if sheet["items"] else "",
        _calibration(sheet),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Exam result: {escape(str(name))}</title><style>{_STYLE}</style></head>\n<body><main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


def _summary(sheet: Mapping[str, Any]) -> str:
    total, decision = sheet["total"], sheet["decision"]
    lines = [
        f"<strong>{_DECISIONS[decision['passed']]}</strong>: {_share(total['share'])} of what this form "
        f"could earn ({total['earned']:.1f} of {total['points']:g} points), with a standard error of "
        f"{_share(sheet['sem'])}.",
        f"Knowledge and practice: {escape(sheet['quadrant'])}.",
        f"Exam {escape(str(sheet['exam']))}, blueprint {escape(str(sheet['blueprint']))}, mode "
        f"{escape(str(sheet['mode']))}, session {escape(str(sheet['session']))}, graded "
        f"{escape(str(sheet['graded_at']))} by version {escape(str(sheet['grader']))}.",
    ]
    if arrival := sheet.get("arrival"):
        added = (
            f", with {arrival['added_minutes']} minutes that were added" if arrival["added_minutes"] else ""
        )
        lines.append(f"Arrived {escape(str(arrival['at']))}, by {escape(str(arrival['by']))}{added}.")
    if decision["within_one_sem"]:
        lines.append("The share lies within one standard error below the cut: ask about a re-take.")
    return "".join(f"<p>{line}</p>" for line in lines)


def _order(sheet: Mapping[str, Any]) -> str:
    told = sheet.get("reproduction") or {}
    reasons = [*sheet["verified"]["reasons"], *sheet["flags"]]
    reasons += [reproduction_line(told)] if told.get("asked") else []
    if not reasons:
        return ""
    return f'<div class="note"><h2>What was noted</h2>{_list(reasons)}</div>'


def _rules(sheet: Mapping[str, Any]) -> str:
    rows = []
    for rule in sheet["decision"]["rules"]:
        name, shares = rule["rule"], isinstance(rule["needed"], float)
        needed, reached = (_share(rule[key]) if shares else "" for key in ("needed", "reached"))
        if (title := _title(sheet, name.removeprefix("domain "))) and name.startswith("domain "):
            name = f"{name}: {title}"
        rows.append([name, needed, reached, "met" if rule["met"] else "not met"])
    return "<h2>Decision</h2>" + _table(
        "What has to be reached", ["Rule", "Needed", "Reached", "Result"], rows
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
                f"{part['points']:g}</td><td class='number'>{_share(share)}</td><td>{bar}</td></tr>"
            )
    head = (
        "<tr><th scope='col'>Domain</th><th scope='col'>Points</th><th scope='col'>Share</th><td></td></tr>"
    )
    return f"<h2>Domains</h2><table><caption>Points by domain</caption>{head}{''.join(rows)}</table>"


def _title(sheet: Mapping[str, Any], domain: str) -> str:
    return str(sheet.get("domain_titles", {}).get(domain, ""))


def _task(task: Mapping[str, Any], told: bool) -> str:
    title = f"{task['slot']} {task.get('title', '')}".strip()
    rows = [
        [
            line["metric"],
            line["part"],
            "not measured" if line["measured"] is None else f"{line['measured']:.4g}",
            f"{line['earned']:.2f} of {line['points']:g}",
            line["why"],
        ]
        for line in task["lines"]
    ]
    heads = ["Measured was", "Part", "Value", "Earned", "Why"]
    page = f"<h2>{escape(title)}</h2>" + _table(
        f"{task['earned']:.2f} of {task['points']:g} points", heads, rows
    )
    notes = [*task["critical"], *task["refused"]]
    page += _list(notes) if notes else ""
    if told and task["facts"]:
        page += _table("Also measured", ["Fact", "Value"], [[k, v] for k, v in task["facts"].items()])
    return page


def _items(items: Sequence[Mapping[str, Any]], told: bool) -> str:
    rows = [[item["id"] if told else str(n), item["domain"], item["kind"], f"{item['credit']:.2f}",
             item["confidence"] or "not said"] for n, item in enumerate(items, start=1)]  # fmt: skip
    page = "<h2>Items</h2>" + _table("Credit by item", ["Item", "Domain", "Kind", "Credit", "You said"], rows)
    if not told:
        return page
    for item in items:
        reasons = [
            f"{'right' if reason['right'] else 'wrong'}, {'yours' if reason['given'] else 'not yours'}: "
            f"{reason['text']}. {reason['why']}"
            for reason in item["reasons"]
        ]
        page += f"<h3>{escape(item['id'])}</h3>" + _list(reasons)
    return page


def _calibration(sheet: Mapping[str, Any]) -> str:
    found = sheet["calibration"]
    rows = [
        [
            level,
            found[level]["count"],
            "" if found[level]["credit"] is None else _share(found[level]["credit"]),
        ]
        for level in ("guess", "think", "know")
    ]
    if not any(row[1] for row in rows):
        return ""
    table = _table("How sure you were, and how right", ["You said", "Answers", "Mean credit"], rows)
    return f"<h2>Confidence</h2>{table}<p>Known, and wrong: {found['sure_and_wrong']}.</p>"


def _table(caption: str, heads: Iterable[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th scope='col'>{escape(text)}</th>" if text else "<td></td>" for text in heads)
    body = "".join(
        f"<tr><th scope='row'>{escape(str(row[0]))}</th>"
        + "".join(f"<td>{escape(str(cell))}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f"<table><caption>{escape(caption)}</caption><tr>{head}</tr>{body}</table>"


def _list(texts: Iterable[Any]) -> str:
    return "<ul>" + "".join(f"<li>{escape(str(text))}</li>" for text in texts) + "</ul>"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
