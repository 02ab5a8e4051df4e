// What every page shares: theme and type size, kept on this device; and small actions that ask first.
(() => {
  "use strict";
  const root = document.documentElement;
  const kept = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const keep = (key, value) => { try { localStorage.setItem(key, value); } catch { /* private window */ } };

  const show = () => {
    const dark = root.dataset.theme === "dark";
    const large = root.dataset.size === "large";
    for (const button of document.querySelectorAll("[data-lk-toggle]")) {
      const on = button.dataset.lkToggle === "theme" ? dark : large;
      button.setAttribute("aria-pressed", String(on));
    }
  };
  const preferred = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = kept("labkit-theme") || preferred;
  root.dataset.size = kept("labkit-size") || "normal";

  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("[data-lk-toggle]");
    if (!button) return;
    const what = button.dataset.lkToggle;
    const next = what === "theme"
      ? (root.dataset.theme === "dark" ? "light" : "dark")
      : (root.dataset.size === "large" ? "normal" : "large");
    root.dataset[what] = next;
    keep(`labkit-${what}`, next);
    show();
  });
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.lkConfirm;
    if (question && !confirm(question)) event.preventDefault();
  });
  // While models are trained in the background, the last line of a page says how far they are.
  const follow = async () => {
    const line = document.getElementById("models");
    if (!line || line.hidden) return;
    try {
      const { summary } = await (await fetch(line.dataset.models)).json();
      line.textContent = summary;
      line.hidden = !summary;
    } catch { return; }
    setTimeout(follow, 3000);
  };
  // In a class there is more: see room.js.
  if (/(?:^|; )labkit-class=1/.test(document.cookie)) {
    const more = document.createElement("script");
    more.src = document.currentScript.src.replace(/labkit\.js/, "room.js");
    document.head.append(more);
  }
  document.addEventListener("DOMContentLoaded", () => { show(); follow(); });
  show();
})();
