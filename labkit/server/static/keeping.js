// The kernel behind a dashboard: when it was paused or stopped, or cannot be reached, the page says so and goes on from there.
(() => {
  "use strict";
  const root = document.documentElement;
  const base = document.currentScript.src.replace(/labkit\/static\/keeping\.js.*$/, "");
  let kernel = "", line = null, over = false, shown = "";

  // Voilà keeps its channels to itself; whether they are open can be seen where they are made.
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(address, protocols) {
      super(address, protocols);
      const found = /\/api\/kernels\/([0-9a-f-]{36})\/channels/.exec(String(address));
      if (!found) return;
      kernel = found[1];
      line = this;
      this.addEventListener("open", () => { if (shown.startsWith("Disconnected")) { over = false; delete root.dataset.lkPaused; tell("", "", ""); } setTimeout(ask, 500); });
      this.addEventListener("close", () => { if (line === this) setTimeout(ask, 500); });
    }
  };

  // A region that is there before its text is what a screen reader announces.
  const place = document.createElement("section");
  place.className = "lk-news lk-keeping";
  place.setAttribute("aria-label", "About this lab");
  place.setAttribute("aria-live", "polite");
  const tell = (kind, title, text, action) => {
    const words = `${title} ${text}`;
    if (words === shown) return;
    shown = words.trim();
    place.replaceChildren();
    if (!text) return;
    const note = document.createElement("div"), said = document.createElement("div");
    note.className = `lk-callout lk-${kind}`;
    const strong = document.createElement("strong");
    strong.textContent = `${title} `;
    said.append(strong, text);
    note.append(said);
    if (action !== null) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = action ? "lk-button lk-primary" : "lk-button";
      button.textContent = action ? "Continue" : "Close";
      button.addEventListener("click", () => { if (action) location.reload(); else note.remove(); });
      note.append(button);
    }
    place.append(note);
  };

  const KEPT = "What you handed in, predicted, answered and set is kept.";
  const finish = (kind, title, text, kept = KEPT) => {
    over = true;
    root.dataset.lkPaused = "yes";
    tell(kind, title, `${text} ${kept}`, true);
  };
  const split = (text) => { const [, title, rest] = /^([A-Z][\w ]*: )?([\s\S]*)$/.exec(text); return [title || "Stopped:", rest]; };
  const attached = () => line?.readyState === Socket.OPEN;
  let down = 0;
  const on = {
    running: ({ warning }) => {
      if (attached()) {
        down = 0;
        if (shown.startsWith("Not connected")) tell("good", "Connected again.", "Everything is as it was.");
        else if (warning) tell("warn", "Little memory left.", warning);
        else if (shown.startsWith("Little memory")) tell("", "", "");
        return;
      }
      // Its channels come back by themselves within seconds, unless that was given up long ago.
      down = down || Date.now();
      if (Date.now() - down > 15000) finish("warn", "Disconnected:", "the connection to this lab was lost, and did not come back by itself.");
      else setTimeout(ask, 3000);
    },
    ended: ({ reason, text }) => {
      // Said here and nowhere else: whoever comes back to this page later must read it, too.
      if (reason === "reset") finish("warn", ...split(text), "What came before stays in the log and no longer counts.");
      else finish(reason === "idle" ? "info" : "warn", ...split(text));
    },
    gone: () => finish("info", "Paused:", "the server was started anew, or this lab was closed."),
    unknown: () => finish("info", "Left:", "this browser is no longer known here."),
  };

  let asking = false;
  const ask = async () => {
    if (over || asking || !kernel) return;
    asking = true;
    try {
      const answer = await fetch(`${base}labkit/kernel/${kernel}`, { cache: "no-store", signal: AbortSignal.timeout(10000) });
      if (answer.ok) { const told = await answer.json(); on[told.state]?.(told); }
    } catch {
      down = 0;
      tell("warn", "Not connected.", "The lab cannot be reached just now. What was recorded is kept; this page goes on by itself when the connection is back.", null);
      setTimeout(ask, 3000);
    } finally { asking = false; }
  };
  setInterval(() => { if (!document.hidden) ask(); }, 10000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  window.addEventListener("online", ask);
  document.addEventListener("labkit-look", ask);

  // Where one was: the last heading above the middle of the page, and how far down it stood.
  const spot = `labkit-spot ${location.pathname}`;
  const scroller = () => document.getElementById("rendered_cells");
  const marks = () => [...document.querySelectorAll("#rendered_cells :is(h1, h2, h3)[id]")];
  const keep = () => {
    const middle = innerHeight / 2;
    const last = marks().filter((each) => each.getBoundingClientRect().top < middle).pop();
    try {
      if (last) sessionStorage.setItem(spot, JSON.stringify([last.id, Math.round(last.getBoundingClientRect().top)]));
      else sessionStorage.removeItem(spot);
    } catch { /* private window */ }
  };
  window.addEventListener("pagehide", keep);
  const back = () => {
    if (performance.getEntriesByType("navigation")[0]?.type !== "reload") return;
    let kept = null;
    try { kept = JSON.parse(sessionStorage.getItem(spot)); } catch { return; }
    if (!kept) return;
    const [id, top] = kept;
    let free = true;
    for (const kind of ["wheel", "pointerdown", "keydown", "touchstart"]) addEventListener(kind, () => { free = false; }, { once: true, passive: true });
    const until = Date.now() + 10000;
    // Parts further up grow while they are built; the place is held until that is over, or the reader moves.
    const hold = () => {
      const mark = document.getElementById(id);
      if (!free || !mark || Date.now() > until) return;
      const off = mark.getBoundingClientRect().top - top;
      if (Math.abs(off) > 2) scroller()?.scrollBy({ top: off, behavior: "instant" });
      setTimeout(hold, 200);
    };
    hold();
  };
  const ready = () => {
    if (root.dataset.lkReady !== "yes") return;
    watch.disconnect();
    back();
  };
  const watch = new MutationObserver(ready);
  watch.observe(root, { attributes: true, attributeFilter: ["data-lk-ready"] });
  document.addEventListener("DOMContentLoaded", () => document.body.append(place));
})();
