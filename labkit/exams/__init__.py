"""Floor 6: the exam, from its blueprint to a released result.

A candidate hands in data; the grader measures it again in a process that has never run
candidate code.  What is decided here leaves as plain JSON, the *award*, from which
:mod:`labkit.credentials` makes a credential.
"""

__all__: list[str] = []
