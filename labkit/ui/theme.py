"""The look of every panel, in one style sheet.

Colours come from the custom properties of the page (``--lk-text`` and so on), else from
JupyterLab's theme, else from the light values written here.  In this way one sheet serves
the dashboard in light and dark, and JupyterLab in either theme.
"""

from __future__ import annotations

from labkit.ui.html import Fragment

__all__ = ["STYLE", "style"]

_VARIABLES = """
.lk {
  --t: var(--lk-text, var(--jp-content-font-color1, #1b1f24));
  --m: var(--lk-muted, var(--jp-content-font-color1, #4a535e));
  --s: var(--lk-surface, var(--jp-layout-color1, #ffffff));
  --b: var(--lk-border, var(--jp-border-color1, #c3cad3));
  --a: var(--lk-accent, #1f5fbf);
  --at: var(--lk-accent-text, #ffffff);
  --good: var(--lk-good, #1a6e34);
  --warn: var(--lk-warn, #8a5300);
  --bad: var(--lk-bad, #b3261e);
  --r: var(--lk-radius, 8px);
  color: var(--t);
  font-family: var(--lk-font, var(--jp-content-font-family, system-ui, sans-serif));
  line-height: 1.5;
}
"""

_BLOCKS = """
.lk-card { background: var(--s); border: 1px solid var(--b); border-radius: var(--r);
  padding: .9em 1.1em; margin: .4em 0; }
.lk-head { display: flex; flex-wrap: wrap; gap: .5em 1em; align-items: baseline; justify-content: space-between; }
.lk-head h1, .lk-head h2, .lk-head h3, .lk-head h4 { margin: 0 0 .3em; color: inherit; }
.lk-card p { margin: .3em 0 .6em; max-width: 72ch; }
.lk-muted { color: var(--m); }
.lk-badge { display: inline-block; padding: .1em .6em; border-radius: 1em; font-size: .92em; font-weight: 600;
  white-space: nowrap; background: var(--m); color: var(--s); }
.lk-badge.lk-good { background: var(--good); color: var(--at); }
.lk-badge.lk-bad { background: var(--bad); color: var(--at); }
.lk-badge.lk-warn { background: var(--warn); color: var(--at); }
.lk-badge.lk-info, .lk-badge.lk-open { background: transparent; color: var(--t); border: 1px solid var(--b); }
.lk-callout { display: flex; gap: .7em; border: 1px solid var(--b); border-left: 5px solid var(--a);
  border-radius: var(--r); padding: .6em .9em; margin: .5em 0; background: var(--s); max-width: 80ch; }
.lk-callout.lk-good { border-left-color: var(--good); }
.lk-callout.lk-bad { border-left-color: var(--bad); }
.lk-callout.lk-warn { border-left-color: var(--warn); }
.lk-icon { font-weight: 700; }
.lk a { color: var(--a); }
.lk dl { display: grid; grid-template-columns: max-content 1fr; gap: .15em 1em; margin: .4em 0; }
.lk dt { color: var(--m); } .lk dd { margin: 0; font-weight: 600; }
.lk details { margin: .4em 0; } .lk summary { cursor: pointer; }
.lk pre { background: rgba(127, 127, 127, .12); padding: .6em .8em; border-radius: var(--r);
  white-space: pre-wrap; color: inherit; }
.lk-hint { margin: .35em 0; padding-left: .8em; border-left: 3px solid var(--a); max-width: 72ch; }
"""

_PARTS = """
.lk-map { display: flex; flex-wrap: wrap; list-style: none; margin: .6em 0; padding: 0; gap: .3em; }
.lk-map li { padding: .15em .7em; border: 1px solid var(--b); border-radius: var(--r); font-size: .9em; margin: 0; }
.lk-map li[aria-current] { background: var(--a); color: var(--at); border-color: var(--a); font-weight: 700; }
.lk-plain { list-style: none; padding-left: 0; }
.lk-plain li { margin: .25em 0; }
.lk-strip { display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5em, 1fr)); gap: .6em; margin: .5em 0; }
.lk-strip figure { margin: 0; padding: .5em; border: 1px solid var(--b); border-radius: var(--r);
  background: var(--s); }
.lk-strip.lk-small { grid-template-columns: repeat(auto-fill, minmax(7em, 1fr)); }
.lk-strip .lk-three { display: grid; grid-template-columns: repeat(3, 1fr); gap: .3em; }
.lk-strip .lk-three div { font-size: .75em; text-align: center; color: var(--m); }
.lk-strip img { width: 100%; height: auto; image-rendering: pixelated; display: block; background: #fff;
  border: 1px solid var(--b); box-sizing: border-box; }
.lk-strip figcaption { margin-top: .3em; font-size: .95em; }
.lk-legend { display: flex; flex-wrap: wrap; gap: .3em 1.2em; font-size: .9em; color: var(--m); align-items: center; }
.lk-legend img { height: 1.3em; width: auto; vertical-align: middle; border: 1px solid var(--b);
  image-rendering: pixelated; }
.lk-plot { margin: .5em 0; max-width: 44em; }
.lk-plot img { max-width: 100%; height: auto; border-radius: var(--r); border: 1px solid var(--b); display: block; }
.lk-plot figcaption { color: var(--m); font-size: .92em; }
.lk-scroll { overflow-x: auto; }
.lk-table { border-collapse: collapse; margin: .4em 0; color: inherit; }
.lk-table caption { text-align: left; color: var(--m); padding-bottom: .2em; caption-side: top; }
.lk-table th, .lk-table td { border: 1px solid var(--b); padding: .25em .6em; text-align: left; color: inherit;
  background: transparent; }
.lk-table td { font-variant-numeric: tabular-nums; }
.lk-panel { border: 1px solid var(--b); border-radius: var(--r); padding: .8em 1em; margin: .4em 0;
  background: var(--s); overflow: visible; height: auto; }
.lk-panel .widget-label, .lk-panel label, .lk-panel .widget-readout, .lk-panel .widget-radio-box label
  { color: var(--t); }
.lk-row { flex-wrap: wrap; gap: .3em 1em; overflow: visible; }
.lk :focus-visible { outline: 3px solid var(--a); outline-offset: 2px; }
"""

STYLE = f"{_VARIABLES}{_BLOCKS}{_PARTS}"
"""The whole style sheet."""


def style() -> Fragment:
    """Return the style sheet as something that a notebook cell can show."""
    return Fragment(f"<style>{STYLE}</style>", "labkit's style sheet")
