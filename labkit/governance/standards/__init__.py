"""Bundled lists of standards: ids, titles, dates and summaries in our own words.

The JSON files beside this module are made by ``tools/build_standards.py``.  They are read
when first asked for: the index at once, a table only when one of its entries is looked up.
"""

from labkit.governance.standards.lookup import Entry, Standard, index, lookup, standards

__all__ = ["Entry", "Standard", "index", "lookup", "standards"]
