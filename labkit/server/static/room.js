// A class: what the instructor says and does arrives here as it happens. labkit.js loads this only in a class.
(() => {
  "use strict";
  const base = document.currentScript.src.replace(/labkit\/static\/room\.js.*$/, "");
  // What a class on one machine does not have.
  const trim = () => {
    for (const link of document.querySelectorAll(`a[href*="/hands-on/"], a[href*="/demo/"]`)) (link.closest("nav li") || link).remove();
    for (const form of document.querySelectorAll(`form[action*="/hands-on/"]`)) form.remove();
  };

  const place = document.createElement("section");
  place.className = "lk-news";
  place.setAttribute("aria-label", "From your instructor");
  // A region that is there before its text is what a screen reader announces.
  place.setAttribute("aria-live", "polite");

  const show = (kind, title, text, action) => {
    const note = document.createElement("div");
    note.className = `lk-callout lk-${kind}`;
    const words = document.createElement("div");
    const strong = document.createElement("strong");
    strong.textContent = `${title} `;
    words.append(strong, text);
    const close = document.createElement("button");
    close.type = "button";
    close.className = "lk-button";
    close.textContent = action?.label || "Read";
    close.setAttribute("aria-label", action?.label || "Read: put this message away");
    close.addEventListener("click", () => { note.remove(); action?.act(); });
    note.append(words, close);
    place.append(note);
    return note;
  };
  const again = { label: "Load the page", act: () => location.reload() };

  // Messages that were put away stay away, in every tab and on every day.
  const READ = "labkit-news-read";
  const away = new Set(); // where nothing can be kept, as long as this page is open
  const read = () => { try { return JSON.parse(localStorage.getItem(READ)) || []; } catch { return []; } };
  const isRead = (key) => away.has(key) || read().includes(key);
  const putAway = (key) => {
    away.add(key);
    try { localStorage.setItem(READ, JSON.stringify([...read().filter((each) => each !== key), key].slice(-200))); } catch { /* private window */ }
  };
  const shown = new Map();
  window.addEventListener("storage", (event) => {
    if (event.key === READ) for (const [key, note] of shown) if (isRead(key)) note.remove();
  });

  const here = () => document.body.dataset.lkLab || "";
  const BANNERS = {
    frozen: ["Paused.", "Your instructor has frozen this lab for a moment. Everything stays; checks and answers wait."],
    closed: ["Closed.", "Your instructor has closed this lab. Everything stays; no checks and no answers are taken until it is open again."],
  };
  let banner = null;
  let standing = "open";
  const stand = (state) => {
    if (state === standing) return;
    banner?.remove();
    banner = null;
    standing = state;
    if (BANNERS[state]) banner = show("warn", ...BANNERS[state], { label: "Close" });
  };
  // A page that waits for its lab to be opened goes on by itself.
  const goOn = (lab, state) => {
    const waiting = document.querySelector("[data-lk-waits]");
    if (waiting?.dataset.lkWaits === lab && state !== "closed") location.reload();
  };

  const on = {
    message: (news) => {
      if (isRead(news.key) || shown.has(news.key) || (news.lab && here() && news.lab !== here())) return;
      shown.set(news.key, show("good", news.personal ? "To you:" : "To all:", news.text, { label: "Read", act: () => putAway(news.key) }));
    },
    // How everything stands now, when the line was away.
    states: ({ states }) => {
      stand(states[here()] || "open");
      const waits = document.querySelector("[data-lk-waits]")?.dataset.lkWaits;
      if (waits) goOn(waits, states[waits] || "open");
    },
    state: (news) => {
      goOn(news.lab, news.state);
      if (news.lab === here()) stand(news.state);
      if (news.state === "open" && (news.lab === here() || !here())) show("good", "Open:", `${news.title} goes on.`);
    },
    reset: (news) => {
      // A lab says so itself, also when nobody looked at its page meanwhile: see keeping.js.
      if (here()) document.dispatchEvent(new Event("labkit-look"));
      else show("warn", "Begun anew.", `Your instructor began ${news.title} anew for you. What came before stays in the log and no longer counts.`, again);
    },
    removed: () => show("warn", "Left.", "Your instructor took you out of this class.", again),
  };

  let source = null;
  const listen = () => {
    source = new EventSource(`${base}room/news`);
    source.addEventListener("message", (event) => {
      const news = JSON.parse(event.data);
      on[news.kind]?.(news);
    });
  };
  // A browser keeps six lines to one server, for all tabs together: those that nobody sees give theirs back.
  document.addEventListener("visibilitychange", () => {
    source?.close();
    if (!document.hidden) listen();
  });
  const begin = () => { trim(); document.body.append(place); if (!document.hidden) listen(); };
  if (window.self !== window.top) return;
  if (document.body) begin(); else document.addEventListener("DOMContentLoaded", begin);
})();
