"""Files that carry a badge, or seem to: what was handed out, and one for each way of being something else."""

import zlib
from dataclasses import dataclass

from labkit.credentials.carriers import MAX_FILE
from labkit.credentials.carriers.html import badge_link
from labkit.credentials.carriers.svg import baked

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:openbadges="https://purl.imsglobal.org/ob/v3p0">'


@dataclass(frozen=True)
class File:
    """A file, and what a reader says who finds no badge in it; nothing where there is one."""

    name: str
    kind: str
    content: bytes
    said: str = ""


def pdf(*objects, trailer=b"", table=None):
    """Return a PDF of these objects, the first of which is its root."""
    content, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    start = len(content)
    lines = [b"0000000000 65535 f\r\n", *(b"%010d 00000 n\r\n" % place for place in places)]
    content += table or b"xref\n0 %d\n%s" % (len(lines), b"".join(lines))
    content += b"trailer\n<</Size %d/Root 1 0 R%s>>\n" % (len(lines), trailer)
    return content + b"startxref\n%d\n%%%%EOF" % start


def attached(number, name=b"badge.json"):
    """Return what names an attached file, the object of this number."""
    return b"<</Type/Filespec/F(%s)/UF(%s)/EF<</F %d 0 R/UF %d 0 R>>>>" % (name, name, number, number)


def stream(content, *, packed=None, more=b""):
    """Return an attached file as an object of a PDF."""
    body = zlib.compress(content) if packed is None else packed
    filter = b"/Filter/FlateDecode" if packed is None else b""
    return b"<</Type/EmbeddedFile/Length %d%s%s>>\nstream\n%s\nendstream" % (len(body), filter, more, body)


ROOT = b"<</Type/Catalog/Names<</EmbeddedFiles<</Names[(badge.json)2 0 R]>>>>/AF[2 0 R]>>"


def files_of(folder):
    """Return the files, made of the folder of a credential with its documents."""
    badge, token = (folder / "badge.json").read_text(), (folder / "badge.jwt").read_text().strip()
    return [*_handed_out(folder, badge, token), *_pdfs(folder, badge), *_svgs(badge, token), *_others(badge)]


def _handed_out(folder, badge, token):
    return [
        *(
            File(f"certificate.{kind}", kind, (folder / f"certificate.{kind}").read_bytes())
            for kind in ("pdf", "svg", "html")
        ),
        File("badge.json with a byte order mark", "json", b"\xef\xbb\xbf" + badge.encode()),
        File("PDF with its attachment not packed", "pdf", _plain(badge)),
        File("PDF whose attachment is a JWT", "pdf", pdf(ROOT, attached(3), stream(token.encode()))),
        File("SVG with a JWT in verify", "svg", _svg(f'<openbadges:credential verify="{token}"/>')),
        File(
            "SVG with another prefix and an encoding that is not its own",
            "svg",
            b'<?xml version="1.0" encoding="iso-8859-1"?>'
            + _svg(
                f"<b:credential xmlns:b='https://purl.imsglobal.org/ob/v3p0'>{baked(badge)}</b:credential>"
            ),
        ),
    ]


def _plain(badge):
    return pdf(ROOT, attached(3), stream(b"", packed=badge.encode()))


def _svg(body):
    return f"{SVG}{body}</svg>".encode()


def _pdfs(folder, badge):
    made = (folder / "certificate.pdf").read_bytes()
    one = stream(badge.encode())
    start = made.rindex(b"startxref")
    added = made + b"\nxref\n0 0\ntrailer\n<</Prev 5>>\nstartxref\n%d\n%%%%EOF" % (len(made) + 1)
    nested = b"[" * 5000 + b"]" * 5000
    named = attached(3).replace(b"/Type", b"/T#79pe")
    cases = {
        "PDF without a badge": (pdf(ROOT), "holds no badge"),
        "PDF with two badges": (pdf(ROOT, attached(3), one, attached(5), one), "2 attached files"),
        "PDF with a second badge under a name in disguise": (
            pdf(ROOT, attached(3), one, named),
            "2 attached files",
        ),
        "PDF that unpacks to a flood": (
            pdf(
                ROOT,
                attached(3),
                stream(b"", packed=zlib.compress(bytes(100_000_000)), more=b"/Filter/FlateDecode"),
            ),
            "more than",
        ),
        "PDF packed twice": (
            pdf(ROOT, attached(3), stream(b"", packed=b"x", more=b"/Filter[/FlateDecode/FlateDecode]")),
            "not read here",
        ),
        "PDF whose attachment lies elsewhere": (
            pdf(ROOT, attached(3), stream(b"x", more=b"/F(x.json)")),
            "stream",
        ),
        "PDF whose attachment is cut off": (
            pdf(
                ROOT,
                attached(3),
                stream(b"", packed=zlib.compress(badge.encode())[:-9], more=b"/Filter/FlateDecode"),
            ),
            "does not unpack",
        ),
        "PDF whose attachment is followed by more": (
            pdf(
                ROOT,
                attached(3),
                stream(b"", packed=zlib.compress(b"{}") + b"more", more=b"/Filter/FlateDecode"),
            ),
            "does not unpack",
        ),
        "PDF with a length that is not": (
            pdf(ROOT, attached(3), one.replace(b"/Length ", b"/Length 9")),
            "longer or shorter",
        ),
        "PDF that names another object": (pdf(ROOT, attached(1), one), "not the one in it"),
        "PDF that names no object": (pdf(ROOT, b"<</Type/Filespec/EF[3 0 R]>>", one), "not the one in it"),
        "PDF with a name twice": (pdf(ROOT, attached(3)[:-2] + b"/EF 1>>", one), "a name twice"),
        "PDF nested without end": (pdf(ROOT, attached(3), one, nested), "nests more than"),
        "PDF with a text without end": (pdf(ROOT, attached(3), one, b"(((("), "no end"),
        "PDF that is encrypted": (pdf(ROOT, attached(3), one, trailer=b"/Encrypt 9 0 R"), "encrypted"),
        "PDF to which something was added": (added, "added to this PDF"),
        "PDF that was cut off": (made[:start], "cut off, or saved"),
        "PDF whose table is a stream": (
            pdf(ROOT, attached(3), one, table=b"4 0 obj<</Type/XRef>>"),
            "saved by",
        ),
        "PDF whose objects moved": (made.replace(b"%PDF-1.7\n", b"%PDF-1.7\n\n", 1), "cut off, or saved"),
        "PDF with an object elsewhere": (
            pdf(ROOT, attached(3), one).replace(b"\n2 0 obj", b"\n4 0 obj"),
            "not where",
        ),
        "PDF with a PDF attached": (pdf(ROOT, attached(3), stream(_plain(badge))), "no badge in it"),
    }
    return [File(name, "pdf", content, said) for name, (content, said) in cases.items()]


def _svgs(badge, token):
    element = f"<openbadges:credential>{baked(badge)}</openbadges:credential>"
    flood = "".join(f'<!ENTITY e{at} "{f"&e{at - 1};" * 10 if at else "ha" * 50}">' for at in range(9))
    cases = {
        "SVG without a badge": (_svg("<title>Certificate</title>"), "holds 0 badges"),
        "SVG with a badge of another version": (
            _svg('<a:assertion xmlns:a="http://openbadges.org" verify="x"/>'),
            "holds 0 badges",
        ),
        "SVG with two badges": (_svg(element * 2), "holds 2 badges"),
        "SVG with both forms": (
            _svg(element.replace("credential>", f'credential verify="{token}">', 1)),
            "either",
        ),
        "SVG with an empty badge": (_svg("<openbadges:credential/>"), "either"),
        "SVG with elements in its badge": (
            _svg(f"<openbadges:credential><text>{baked(badge)}</text></openbadges:credential>"),
            "expected text",
        ),
        "SVG with entities that grow": (
            f"<?xml version='1.0'?><!DOCTYPE svg [{flood}]>".encode() + _svg(element.replace("AI", "&e8;")),
            "document type",
        ),
        "SVG with a file from the disk": (
            b'<!doctype svg [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
            + _svg("<text>&x;</text>" + element),
            "document type",
        ),
        "SVG with an entity that nobody declared": (_svg(element + "&x;"), "no picture"),
        "SVG that is not well formed": (_svg(element)[:-6], "no picture"),
        "SVG under another element": (b"<div>" + _svg(element) + b"</div>", "no picture"),
        "SVG in UTF-16": (_svg(element).decode().encode("utf-16"), "no badge in it"),
    }
    return [File(name, "svg", content, said) for name, (content, said) in cases.items()]


def _others(badge):
    link = f"<!doctype html><a {badge_link(badge)}>badge.json</a>"
    cases = {
        ("HTML without a badge", "html"): ("<html><p>Certificate</p></html>", "holds 0 badges"),
        ("HTML with two badges", "html"): (link + link, "holds 2 badges"),
        ("HTML with a second badge in a comment", "html"): (
            f"{link}<!-- {badge_link(badge)} -->",
            "2 badges",
        ),
        ("HTML with a damaged badge", "html"): (link.replace("base64,", "base64,=", 1), "damaged"),
        ("HTML with a badge that is no text", "html"): (
            '<html><a href="data:application/json;base64,/w==">',
            "damaged",
        ),
        ("a text", "text"): ("Ada Lovelace passed with 81 percent.", "no badge in it"),
        ("nothing", "text"): ("", "no badge in it"),
        ("a list in JSON", "json"): (f"[{badge}]", "no badge in it"),
        ("a file that is too large", "text"): ("{" + " " * MAX_FILE + "}", "larger than"),
    }
    made = [File(name, kind, text.encode(), said) for (name, kind), (text, said) in cases.items()]
    return [*made, File("a picture in PNG", "png", b"\x89PNG\r\n\x1a\n" + bytes(60), "no badge in it")]
