"""The commands of the course: each module has ``add_arguments(parser)`` and ``run(args)``."""

__all__: list[str] = []
