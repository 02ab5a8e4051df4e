"""Files that carry a badge: the certificate as PDF, SVG or HTML; found by what they hold, not by their names.

A carrier proves nothing.  What its page shows was signed by nobody, and only what is taken out is judged.
"""

from labkit.credentials.carriers.found import MAX_FILE, Found, badge_in

__all__ = ["MAX_FILE", "Found", "badge_in"]
