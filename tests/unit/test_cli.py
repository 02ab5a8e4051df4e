"""The command line: what scripts can rely on, and what a person reads."""

from __future__ import annotations

import importlib
import json
import os
import shlex
import subprocess
import sys

import pytest

from labkit import cli
from labkit.core import LabkitError
from labkit.course import ProgressLog, labs
from labkit.evidence import EvidencePack
from tests.unit.labfolder import make_lab


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("LABKIT_LEARNER", "LABKIT_SEED", "LABKIT_NOTEBOOKS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(capsys):
    """Run a command; return its exit status, what it printed, and what it said on standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        status = cli.main(arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def in_a_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=60,
    )


# ---------------------------------------------------------------- the table of commands


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_can_say_what_it_takes(name, capsys):
    module = importlib.import_module(cli.COMMANDS[name][0])
    assert module.__doc__
    with pytest.raises(SystemExit) as stopped:
        cli.main([name, "--help"])

    assert stopped.value.code == 0
    assert f"usage: labkit {name}" in capsys.readouterr().out


def test_help_lists_every_command_and_imports_none():
    code = "import sys\nfrom labkit import cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass\n"
    code += "print([m for m in sys.modules if m in {'torch', 'numpy', 'nbformat', 'labkit.course'}])"
    result = in_a_process(code)

    assert all(f"  {name} " in result.stdout for name in cli.COMMANDS)
    assert result.stdout.endswith("[]\n")


def test_nothing_at_all_shows_the_help(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([])

    assert stopped.value.code == 0
    assert "commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [("labs", "--json"), ("progress", "--json"), ("glossary", "--json"), ("standards", "--json")],
)
def test_a_quick_command_needs_no_torch(arguments):
    code = f"import sys\nfrom labkit import cli\ncli.main({arguments!r})\nassert 'torch' not in sys.modules"

    result = in_a_process(code)

    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)


# ---------------------------------------------------------------- how it ends


def test_an_error_goes_to_standard_error_with_status_2(run):
    status, out, err = run("bot", "L99")

    assert (status, out) == (2, "")
    assert err.startswith("labkit: there is no lab called 'L99'")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments", [("bots",), ("bot", "L02", "--seed", "-1"), ("bot", "L02", "--as", "me")]
)
def test_a_wrong_argument_ends_with_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)

    assert stopped.value.code == 2
    assert capsys.readouterr().out == ""


def test_a_broken_declaration_is_reported_with_its_line(run, tmp_path, monkeypatch):
    folder = tmp_path / "labs" / "L77-broken"
    folder.mkdir(parents=True)
    (folder / "lab.toml").write_text('id = "L77"\ntitle = \n', encoding="utf-8")
    monkeypatch.setenv("LABKIT_NOTEBOOKS", str(folder.parent))

    status, _, err = run("labs")

    assert status == 2
    assert "lab.toml:2:" in err


def test_stopping_ends_with_status_130():
    code = "from labkit import cli\nimport labkit.course.commands.labs as labs\nimport sys\n"
    code += "labs.labs = lambda: (_ for _ in ()).throw(KeyboardInterrupt)\nsys.exit(cli.main(['labs']))"

    result = in_a_process(code)

    assert (result.returncode, result.stdout, result.stderr) == (130, "", "labkit: stopped\n")


def test_a_reader_that_stops_reading_is_no_error():
    command = f"{shlex.quote(sys.executable)} -m labkit.cli glossary | head -1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)  # noqa: S602

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("term")


# ---------------------------------------------------------------- what scripts read


def test_labs_as_json_has_what_scripts_rely_on(run):
    _, out, _ = run("labs", "--json")

    rows = {row["id"]: row for row in json.loads(out)}
    assert list(rows) == [lab.id for lab in labs()]
    assert rows["L02"].keys() >= {"id", "title", "minutes", "domain", "objectives", "standards"}
    assert {"craft", "query", "unmask"} <= {each["id"] for each in rows["L02"]["objectives"]}
    assert all(each["text"] for each in rows["L02"]["objectives"])


def test_progress_counts_what_was_reached_and_forgets_it_on_reset(run):
    log = ProgressLog()
    passed = {"checkpoint": "baseline", "scenario": "digits", "measured": 0.0, "target": "", "passed": True}
    log.append("local", "L00", "checked", passed)

    _, out, _ = run("progress", "--json")
    rows = {row["id"]: row for row in json.loads(out)["labs"]}
    assert (rows["L00"]["passed"], rows["L00"]["of"]) == (["baseline"], 2)
    assert "1 of 2" in run("progress")[1]

    assert run("progress", "--reset", "start-here")[:2] == (0, "L00 Start here: begun again\n")
    assert "0 of 2" in run("progress")[1]


def test_a_word_is_found_in_any_case(run):
    _, out, _ = run("glossary", "bpda", "--json")

    assert json.loads(out)[0]["term"] == "BPDA"
    assert "See also: gradient masking" in run("glossary", "BPDA")[1]
    status, _, err = run("glossary", "epsilom")
    assert status == 2
    assert "Did you mean 'epsilon'" in err


def test_an_entry_of_a_standard_names_the_labs_about_it(run):
    _, out, _ = run("standards", "AML.T0043.000", "--json")

    (row,) = json.loads(out)
    assert "L02" in row["labs"]
    assert row["title"]
    assert run("standards", "AML.T9999")[0] == 2


def test_the_evidence_pack_is_listed_written_and_verified(run, tmp_path):
    assert "The pack is empty" in run("evidence")[1]
    pack = EvidencePack(tmp_path / "home" / "data" / "evidence" / "local")
    path = pack.add("L00", "First finding", {"epsilon": 0.2}, scenario="digits", seed=1)

    assert "First finding" in run("evidence")[1]
    assert json.loads(run("evidence", "--json")[1])[0]["digest"]
    page = tmp_path / "mine.html"
    assert run("evidence", "--html", str(page))[0] == 0
    assert "First finding" in page.read_text(encoding="utf-8")
    assert run("evidence", "--verify")[0] == 0

    path.write_text(path.read_text(encoding="utf-8").replace("0.2", "0.1"), encoding="utf-8")
    status, out, _ = run("evidence", "--verify")
    assert status == 1
    assert "was altered" in out


def test_a_page_that_cannot_be_written_is_an_error(run, tmp_path):
    status, _, err = run("evidence", "--html", str(tmp_path / "nowhere" / "mine.html"))

    assert status == 2
    assert "cannot write" in err


# ---------------------------------------------------------------- what authors do

BOTS_PY = """\
def reference(case):
    yield "near", {"guess": case.secret}


def nothing(case):
    yield "near", {"guess": float("nan")}


def lazy(case):
    yield "near", {"guess": 0.3}
"""


@pytest.fixture
def small_lab(tmp_path, monkeypatch):
    folder = make_lab(tmp_path / "labs")
    (folder / "bots.py").write_text(BOTS_PY, encoding="utf-8")
    (folder / "lab.py").write_text(
        '# %% tags=["answer"] answer="near"\n# solution\nguess = 0.5\nprint(guess)\n', encoding="utf-8"
    )
    monkeypatch.setenv("LABKIT_NOTEBOOKS", str(folder.parent))
    return folder


def test_a_bot_as_json_has_what_scripts_rely_on(run, small_lab):
    status, out, err = run("bot", "small-lab", "--as", "reference", "--seed", "4", "--json")

    assert (status, err) == (0, "")
    found = json.loads(out)
    assert {key: found[key] for key in ("lab", "scenario", "bot", "seed")} == {
        "lab": "T01",
        "scenario": "small",
        "bot": "reference",
        "seed": 4,
    }
    (row,) = found["objectives"]
    assert row == {
        "objective": "guess",
        "checkpoint": "near",
        "measured": 0.0,
        "target": "at most 0.1",
        "passed": True,
    }


def test_where_nothing_could_be_measured_json_says_null(run, small_lab):
    _, out, _ = run("bot", "T01", "--as", "nothing", "--json")

    (row,) = json.loads(out)["objectives"]
    assert (row["measured"], row["passed"]) == (None, False)


def test_a_bot_plays_another_scenario_and_says_so_in_a_table(run, small_lab):
    _, out, _ = run("bot", "T01", "--as", "lazy", "--scenario", "large")

    assert out.startswith("T01 A small lab, scenario large, bot lazy, seed 0")
    assert "0.45" in out
    assert run("bot", "T01", "--scenario", "medium")[0] == 2


def test_recording_works_before_any_run_was_recorded(run, small_lab):
    (small_lab / "reference.json").unlink()

    assert run("bot", "T01", "--record", "--seeds", "2")[:2] == (
        0,
        "recorded 2 variants in T01-small-lab/reference.json\n",
    )


def test_building_and_checking_say_what_is_out_of_date(run, small_lab):
    status, out, _ = run("build", "--check", "--no-run")
    assert (status, out.splitlines()[-1]) == (1, "2 out of date; mend it with: labkit build")

    assert run("build", "T01")[:2] == (0, "T01: built\n")
    assert run("build")[:2] == (0, "T01: unchanged\n")
    assert run("build", "--check")[:2] == (0, "all up to date\n")


def test_a_threshold_without_recorded_runs_does_not_pass_the_check(run, small_lab):
    (small_lab / "reference.json").unlink()

    status, _, err = run("build", "--check", "--no-run")

    assert status == 2
    assert "lab.toml:" in err
    assert "has no run of the reference bot" in err


# ---------------------------------------------------------------- what a person reads


@pytest.mark.parametrize("arguments", [("labs",), ("progress",), ("glossary",), ("standards",)])
def test_a_table_fits_the_terminal_and_is_aligned(run, arguments):
    _, out, _ = run(*arguments)

    heading, rule, *rows = out.splitlines()
    assert max(map(len, out.splitlines())) <= 100
    assert rows
    assert set(rule) == {"-", " "}
    starts = [at for at, sign in enumerate(rule) if sign == "-" and (at == 0 or rule[at - 1] == " ")]
    assert all(heading[at - 1] == " " and heading[at] != " " for at in starts[1:])


def test_every_error_of_ours_is_one_that_the_command_line_shows():
    from labkit.core import errors

    assert all(issubclass(getattr(errors, name), LabkitError) for name in errors.__all__)
