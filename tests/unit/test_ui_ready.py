"""Panels that wait for their victim, in a real kernel."""

from textwrap import dedent

from tests.unit.warm_kernels import open_kernel

PRELUDE = """
    import threading
    import ipywidgets
    from labkit.ui import ready

    ready._PATIENCE, ready._AGAIN = 0.0, 0.1
    go, page = threading.Event(), threading.Event()
    panels = ready.Preparation(lambda progress: go.wait(30), held=True)
    box = panels.when_ready(lambda: ipywidgets.Label("the panel"))

    def shown():
        return getattr(box.children[0], "value", "something else") if box.children else "nothing"
"""


def run(code):
    with open_kernel() as kernel:
        return kernel.run(dedent(PRELUDE) + dedent(code))


def test_a_panel_that_comes_late_waits_until_its_page_has_the_others():
    said = run("""
        print(shown())
        panels.release(lambda name: False, page)
        go.set()
        print(panels._job.wait(1), shown())
        page.set()
        print(panels._job.wait(30), shown())
    """)
    assert said == "nothing\nFalse something else\nTrue the panel"


def test_a_page_that_never_asks_does_not_keep_a_panel_for_ever():
    said = run("""
        ready._COMING = 0.5
        panels.release(lambda name: False, page)
        go.set()
        print(panels._job.wait(30), shown())
    """)
    assert said == "True the panel"


def test_what_is_there_at_once_waits_for_no_page():
    said = run("""
        go.set()
        ready._PATIENCE = 30.0
        panels.release(lambda name: False, page)
        print(shown())
    """)
    assert said == "the panel"
