"""Views of a credential to print and to read: PDF, SVG and HTML; the badge itself is the credential."""

from labkit.credentials.documents.facts import Facts, facts_of
from labkit.credentials.documents.html import as_html
from labkit.credentials.documents.pdf import as_pdf, check_pdf
from labkit.credentials.documents.svg import as_svg
from labkit.credentials.documents.write import write_documents

__all__ = ["Facts", "as_html", "as_pdf", "as_svg", "check_pdf", "facts_of", "write_documents"]
