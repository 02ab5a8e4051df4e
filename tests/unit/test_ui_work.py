"""Work in a real kernel: it runs beside the page, and no press is lost while it does."""

from textwrap import dedent

import pytest

from tests.unit.warm_kernels import open_kernel

PRELUDE = """
    import threading
    from labkit.ui.work import Job

    job, go, order = Job(), threading.Event(), []

    def train(progress):
        go.wait(30)
        for i in range(3):
            progress(i, 3, "Training")
        order.append("trained")

    def judge(progress):
        order.append("judged")

    def refresh(setting):
        def work(progress):
            go.wait(30)
            progress(0, 1, "Drawing")
            order.append(f"drawn with {setting}")
        return work

    def shown():
        return job._words.value
"""


@pytest.fixture(scope="module")
def kernel():
    with open_kernel() as opened:
        yield lambda code: opened.run(dedent(PRELUDE) + dedent(code))


def test_what_is_pressed_while_something_runs_waits_for_its_turn(kernel):
    said = kernel("""
        job.start(train, lambda _: order.append("shown"))
        job.start(judge, lambda _: None)
        go.set()
        print(job.wait(30), order)
    """)
    assert said == "True ['trained', 'shown', 'judged']"


def test_a_button_that_is_pressed_twice_works_once(kernel):
    said = kernel("""
        for _ in range(3):
            job.start(train, lambda _: None)
            job.start(judge, lambda _: None)
        go.set()
        print(job.wait(30), order)
    """)
    assert said == "True ['trained', 'judged']"


def test_a_button_that_is_pressed_again_with_other_settings_works_for_each(kernel):
    said = kernel("""
        from functools import partial

        def hand_in(settings, progress):
            go.wait(30)
            order.append(settings["dose"])

        def claim(which):
            def work(progress):
                order.append(which)
            return work

        for dose in (1, 1, 2):
            job.start(partial(hand_in, {"dose": dose}), lambda _: None)
        for which in ("recipe", "price", "price"):
            job.start(claim(which), lambda _: None)
        go.set()
        print(job.wait(30), order)
    """)
    assert said == "True [1, 2, 'recipe', 'price']"


def test_what_failed_is_said_after_what_waited(kernel):
    said = kernel("""
        def fail(progress):
            go.wait(30)
            raise MemoryError

        job.start(fail, lambda _: None)
        job.start(judge, lambda _: None)
        go.set()
        print(job.wait(30), order, "more memory than there is" in shown())
    """)
    assert said == "True ['judged'] True"


def test_the_latest_setting_of_a_dial_is_drawn_and_stops_no_work_of_another_kind(kernel):
    said = kernel("""
        job.start(refresh(1), lambda _: None, latest=True)
        job.start(refresh(2), lambda _: None, latest=True)
        job.start(judge, lambda _: None)
        job.start(refresh(3), lambda _: None, latest=True)
        go.set()
        print(job.wait(30), order)
        go.clear()
        order.clear()
        job.start(train, lambda _: None)
        job.start(refresh(4), lambda _: None, latest=True)
        go.set()
        print(job.wait(30), order)
    """)
    assert said == "True ['drawn with 3', 'judged']\nTrue ['trained', 'drawn with 4']"


def test_who_stops_the_work_stops_what_waits_too(kernel):
    said = kernel("""
        job.start(train, lambda _: order.append("shown"))
        job.start(judge, lambda _: None)
        job.stop()
        go.set()
        print(job.wait(30), order, "Stopped before it was done" in shown(), job.running)
    """)
    assert said == "True [] True False"
