// A dashboard while it is prepared: how far it is, what it waits for, and what to do when it failed.
(() => {
  "use strict";
  const part = (id) => document.getElementById(id);
  // Inside the live demo the page around it has the header already.
  if (window.self !== window.top) document.documentElement.dataset.lkEmbedded = "yes";
  const begun = Date.now();
  let step = "";

  const tell = () => {
    const text = part("loading_text");
    if (!text || document.documentElement.dataset.lkReady) return;
    const seconds = Math.round((Date.now() - begun) / 1000);
    const doing = step || "Starting a Python process for you.";
    const shown = seconds < 8 ? doing : `${doing} ${10 * Math.floor(seconds / 10) || 8} seconds so far.`;
    if (text.textContent !== shown) text.textContent = shown;
  };
  // Models that are trained in the background take turns with the lab that needs them: say so.
  const ask = async () => {
    const box = part("loading");
    if (!box) return;
    const wanted = box.dataset.victims.split("|").filter(Boolean);
    try {
      const { victims } = await (await fetch(box.dataset.models)).json();
      const open = victims.filter((each) => wanted.includes(each.name) && each.state !== "ready");
      const line = part("loading_models");
      if (!line) return;
      line.hidden = open.length === 0;
      line.textContent = open.map((each) => each.state === "training"
        ? `The first time, the model is trained here: ${each.name}, ${Math.round(100 * each.share)} %.`
        : `The first time, the model is trained here, in up to two minutes: ${each.name}.`).join(" ");
    } catch { /* the server is busy; the next question finds it again */ }
  };
  const asking = setInterval(() => { tell(); ask(); }, 2000);
  document.addEventListener("DOMContentLoaded", () => clearInterval(asking));

  window.voila_heartbeat = tell;
  window.voila_process = (cell, count) => {
    step = `Preparing part ${cell} of ${count}.`;
    const bar = part("loading_bar");
    if (bar) bar.value = (cell - 1) / count;
    tell();
  };
  window.display_cells = () => {
    if (!window.themeLoaded) { window.cellLoaded = true; return; }
    clearInterval(asking);
    part("loading")?.remove();
    part("rendered_cells").style.display = "";
    document.documentElement.dataset.lkReady = "yes";
    watch();
    if (location.hash.length > 1) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  };
  window.voila_finish = window.display_cells;

  // A widget gives up on its model after two seconds.  On a slow machine that is now and then the very moment in which
  // the model comes, and the widget stays an error (jupyter-widgets/ipywidgets#4026); one whose script was not loaded
  // stays an error, too.  Such a page is loaded again; if that does not help, or somebody works on it already, it says
  // what to do.
  const watch = () => {
    const until = Date.now() + 60000, mark = `labkit-again ${location.href}`;
    let used = false;
    for (const event of ["pointerdown", "keydown"]) addEventListener(event, () => { used = true; }, { capture: true });
    const gaveUp = (each) =>
      each.textContent.startsWith("Error displaying widget") || each.querySelector(".jupyter-widgets-error-widget");
    const looking = setInterval(() => {
      const lost = [...document.querySelectorAll(".jupyter-widgets")].some(gaveUp);
      if (!lost && Date.now() < until) return;
      clearInterval(looking);
      let again = lost;
      try {
        again = lost && !used && !sessionStorage.getItem(mark);
        if (again) sessionStorage.setItem(mark, "yes");
        else sessionStorage.removeItem(mark);
      } catch { again = false; /* a private window cannot say whether this was tried */ }
      if (again) {
        console.info("labkit: parts of this page did not arrive; it is loaded again");
        location.reload();
      } else if (lost) document.body.append(part("incomplete").content.cloneNode(true));
    }, 500);
  };
  window.labkit_failed = () => {
    clearInterval(asking);
    for (const id of ["loading_text", "loading_bar", "loading_models"]) if (part(id)) part(id).hidden = true;
    if (part("loading_failed")) part("loading_failed").hidden = false;
  };
  // Voilà's script ends the kernel of a page that is left; until that script is there, this does.
  window.addEventListener("pagehide", () => {
    try {
      const { baseUrl, kernelId } = JSON.parse(part("jupyter-config-data").textContent);
      const form = new FormData();
      form.append("_xsrf", (document.cookie.match(/\b_xsrf=([^;]*)/) || ["", ""])[1]);
      navigator.sendBeacon(`${baseUrl}voila/api/shutdown/${kernelId}`, form);
    } catch { /* the page has no kernel yet; the server ends it when it finds nobody there */ }
  });
  // A page that the browser kept and shows again has lost its kernel; it is opened anew.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
