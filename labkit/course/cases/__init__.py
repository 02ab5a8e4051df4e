"""One participant's variant of each lab: what is issued, what is judged, and with what.

A module or a folder for each subject. The folder of the lab (``notebooks/<lab>/case.py``) takes its
measures from here.
"""

__all__: list[str] = []
