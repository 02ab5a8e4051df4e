"""A kernel in a process of its own, where none can be forked: ``python -P -m labkit.server.warm.launched``.

``-P`` keeps the folder that it starts in out of what it is made of: nothing that lies beside
a notebook can stand in for a part of the kernel.
"""

from labkit.server.warm.kernel import PatientApplication

__all__: list[str] = []

if __name__ == "__main__":
    PatientApplication.launch_instance()
