"""The road signs that labkit renders: faces, scenes, weather, camera.

``python -m labkit.data.signs FOLDER`` renders the whole data set again.
"""

from labkit.data.signs.faces import CLASSES, face
from labkit.data.signs.generator import render_split, write
from labkit.data.signs.render import PIXELS, render, render_many

__all__ = ["CLASSES", "PIXELS", "face", "render", "render_many", "render_split", "write"]
