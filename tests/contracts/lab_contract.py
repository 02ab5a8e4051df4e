"""What every lab keeps to, one function a clause; the tests run them over all labs and the template."""

from __future__ import annotations

import json
import statistics

import nbformat

from labkit.course import Lab, builder, load_module
from labkit.course.bots import BOTS
from labkit.course.notebook_source import FORGIVING_TAGS, Cell, read_cells

PHASES = ("lab.header()", "lab.recall()", "lab.evidence()", "lab.debrief()")
NOTEBOOKS = ("lab.ipynb", "solution.ipynb")


def cells_of(lab: Lab) -> list[Cell]:
    return read_cells(lab.folder / "lab.py")


def code_to_read(lab: Lab) -> list[Cell]:
    """Return the cells of code that a person reads; a dashboard cell shows a panel in their place."""
    return [cell for cell in cells_of(lab) if cell.kind == "code" and "dashboard" not in cell.tags]


def notebooks_are_what_the_source_builds(lab: Lab) -> None:
    assert builder.stale(lab) == []


def no_cell_is_skipped_or_forgiven(lab: Lab) -> None:
    for name in NOTEBOOKS:
        for cell in nbformat.read(lab.folder / name, as_version=4).cells:
            assert not set(cell.metadata.get("tags", ())) & set(FORGIVING_TAGS), (name, cell.id)
            assert "NBVAL_" not in cell.source, (name, cell.id)
            assert not any(output.output_type == "error" for output in cell.get("outputs", ())), (
                name,
                cell.id,
            )


def every_cell_of_the_solution_was_run(lab: Lab) -> None:
    cells = nbformat.read(lab.folder / "solution.ipynb", as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    checked = [cell for cell in code if "nbval-check-output" in cell.metadata.get("tags", ())]
    assert checked, "no cell is held to its output"
    assert all(cell.outputs for cell in checked)


def the_participant_sees_no_solution(lab: Lab) -> None:
    cells = nbformat.read(lab.folder / "lab.ipynb", as_version=4).cells
    shown = {cell.id: cell.source for cell in cells}
    assert not any(cell.get("outputs") for cell in cells)
    for position, cell in enumerate(cells_of(lab)):
        if cell.answer:
            solved = set(map(str.strip, cell.solution.splitlines())) - set(
                map(str.strip, cell.starter.splitlines())
            )
            source = shown[f"{lab.id.lower()}-{position:03d}"]
            assert not [line for line in solved if line and line in source.splitlines()], cell.answer


def every_phase_has_its_cell(lab: Lab) -> None:
    code = "\n".join(cell.text for cell in cells_of(lab) if cell.kind == "code")
    wanted = [*PHASES]
    for checkpoint in lab.checkpoints:
        wanted += [f'lab.check("{checkpoint.id}", ', f'lab.checkpoint("{checkpoint.id}")']
    wanted += [f'lab.predict("{prediction.id}")' for prediction in lab.predictions]
    assert [call for call in wanted if call not in code] == []


def what_is_declared_is_measured(lab: Lab) -> None:
    case = load_module(lab, "case")
    assert {checkpoint.metric for checkpoint in lab.checkpoints} == set(case.MEASURES)
    assert {prediction.outcome for prediction in lab.predictions} <= set(case.OUTCOMES)
    for measure in case.MEASURES.values():
        assert (measure.__doc__ or "").strip(), f"{measure.__name__} does not say what it measures"
    assert [bot for bot in BOTS if not hasattr(load_module(lab, "bots"), bot)] == []


def thresholds_tell_the_bots_apart(lab: Lab, seeds: int) -> None:
    recorded = json.loads((lab.folder / "reference.json").read_text(encoding="utf-8"))
    assert len(recorded["seeds"]) >= seeds, f"record {seeds} variants: labkit bot {lab.id} --record"
    assert recorded["metrics"] == {checkpoint.id: checkpoint.metric for checkpoint in lab.checkpoints}
    for scenario in lab.scenarios:
        for checkpoint in lab.checkpoints:
            runs = recorded["scenarios"][scenario.id][checkpoint.id]
            where = (scenario.id, checkpoint.id)
            assert all(len(runs[bot]) == len(recorded["seeds"]) for bot in BOTS), where
            assert all(checkpoint.target.met(value) for value in runs["reference"]), where
            for bot in ("nothing", "lazy"):
                assert not any(value is not None and checkpoint.target.met(value) for value in runs[bot]), (
                    *where,
                    bot,
                )


def code_is_short_and_prose_comes_first(lab: Lab) -> None:
    cells = cells_of(lab)
    lengths = sorted(len(cell.solution.splitlines()) for cell in cells if cell.kind == "code")
    longest = max((cell for cell in cells if cell.kind == "code"), key=lambda cell: len(cell.solution))
    assert statistics.median(lengths) <= 5
    assert lengths[int(0.9 * (len(lengths) - 1))] <= 15
    assert lengths[-1] <= 25, f"lab.py:{longest.line}"
    panels = [cell for cell in cells if "dashboard" in cell.tags]
    assert [f"lab.py:{cell.line}" for cell in panels if len(cell.text.splitlines()) > 5] == []
    code = code_to_read(lab)
    prose = [cell for cell in cells if cell.kind == "markdown"]
    assert len(prose) >= len(code), f"{len(prose)} cells of prose for {len(code)} of code"
    assert len(code) <= 25
    assert cells[0].kind == "markdown"
    assert cells[0].text.startswith("# ")


def it_fits_a_sitting(lab: Lab) -> None:
    assert 5 <= lab.minutes <= 90


CLAUSES = (
    notebooks_are_what_the_source_builds,
    no_cell_is_skipped_or_forgiven,
    every_cell_of_the_solution_was_run,
    the_participant_sees_no_solution,
    every_phase_has_its_cell,
    what_is_declared_is_measured,
    code_is_short_and_prose_comes_first,
    it_fits_a_sitting,
)
