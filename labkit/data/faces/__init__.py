"""Portraits of fictional people that labkit renders: faces, hair, light, camera.

``python -m labkit.data.faces FOLDER`` renders the data sets again: ``faces``, the people
whom a model knows, and ``strangers``, people whom it has never seen.
"""

from labkit.data.faces.generator import GROUPS, VERSION, class_names, people, render_many, render_split, write
from labkit.data.faces.identity import NAMES, Identity, identities
from labkit.data.faces.render import PIXELS, render
from labkit.data.faces.view import View, draw_view, passport

__all__ = [
    "GROUPS",
    "NAMES",
    "PIXELS",
    "VERSION",
    "Identity",
    "View",
    "class_names",
    "draw_view",
    "identities",
    "passport",
    "people",
    "render",
    "render_many",
    "render_split",
    "write",
]
