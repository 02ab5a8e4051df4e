"""The certificate as one HTML page without a script, to read, to print and to send."""

from __future__ import annotations

from html import escape

from labkit.credentials.carriers.html import badge_link
from labkit.credentials.documents.facts import Facts
from labkit.credentials.documents.qr import qr_svg

__all__ = ["as_html"]

_STYLE = """
:root { color-scheme: light; --ink: #1b1f24; --soft: #4a5560; --accent: #0b4f6c; }
* { box-sizing: border-box; }
body { margin: 0; background: #eef1f4; color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 56rem; margin: 2rem auto; padding: 2rem 2.5rem; background: #fff; border: 1px solid #c8d0d8;
       border-left: .6rem solid var(--accent); }
h1 { margin: 0 0 .2rem; font-size: 2rem; line-height: 1.2; color: var(--accent); }
h2 { margin: 1.8rem 0 .4rem; font-size: 1.1rem; }
.holder { font-size: 1.6rem; font-weight: 700; margin: .2rem 0; }
.mode { font-weight: 700; color: var(--accent); }
.soft { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: 1rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
figure { float: right; width: 11rem; margin: 0 0 1rem 1.5rem; }
figure svg { width: 100%; height: auto; } figcaption { font-size: .85rem; color: var(--soft); }
@media print { body { background: #fff; } main { margin: 0; border-width: 0 0 0 .6rem; } }
@media (max-width: 40rem) { main { padding: 1rem; margin: 0; } figure { float: none; }
                            dl { display: block; } }
"""


def as_html(facts: Facts, badge: str) -> str:
    """Return the certificate as a page that loads nothing, with the badge in the link that saves it.

    Parameters
    ----------
    facts : Facts
    badge : str
        The credential in JSON.
    """
    rows = {
        "Certificate": facts.number,
        "Issued by": f"{facts.issuer} ({facts.issuer_id})"
        if facts.issuer != facts.issuer_id
        else facts.issuer,
        "Valid from": facts.valid_from,
        "Valid until": facts.valid_until,
        "Score": f"{facts.score} %" if facts.score else "",
        "Blueprint": facts.version,
        "Credential": facts.address,
        "SHA-256 of the badge": facts.digest,
    }
    listed = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items() if value
    )
    standards = "".join(f"<li>{escape(each)}</li>" for each in facts.standards)
    title = escape(f"{facts.title}: certificate {facts.number} of {facts.holder}")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<figure>{qr_svg(facts.code, "QR code")}
<figcaption>Address of the credential and the beginning of its digest</figcaption></figure>
<p class="soft">Certificate</p>
<h1>{escape(facts.title)}</h1>
<p class="soft">awarded to</p>
<p class="holder">{escape(facts.holder)}</p>
<p class="mode">{escape(facts.mode_words)}</p>
<dl>{listed}</dl>
{f"<p>{escape(facts.renews)}</p>" if facts.renews else ""}
{f"<h2>Aligned to</h2><ul>{standards}</ul>" if standards else ""}
<h2>What this is</h2>
<p>{escape(facts.disclaimer)}</p>
<p>This page is a view, and what it shows proves nothing. The credential is the badge inside it. Verify this
file as it is, with <code>labkit credential verify</code> or on the issuer's verification page; or
<a download="badge.json" {badge_link(badge)}>save badge.json</a> for any verifier of Open Badges 3.0.</p>
</main>
</body>
</html>
"""
