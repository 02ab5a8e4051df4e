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

  const seen = () => { try { return Number(sessionStorage.getItem("labkit-news") || 0); } catch { return 0; } };
  const keep = (id) => { try { sessionStorage.setItem("labkit-news", String(id)); } catch { /* private window */ } };

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
    close.textContent = action ? action.label : "Read";
    close.setAttribute("aria-label", action ? action.label : "Read: put this message away");
    close.addEventListener("click", () => { note.remove(); if (action) action.act(); });
    note.append(words, close);
    place.append(note);
    return note;
  };

  let frozen = null;
  const on = {
    message: (news) => {
      if (news.id <= seen()) return;
      keep(news.id);
      show("good", news.personal ? "To you:" : "To all:", news.text);
    },
    state: (news) => {
      const here = location.pathname.includes(`/dashboards/${news.lab}`);
      if (news.state === "frozen" && here) frozen = frozen || show("warn", "Paused.", "Your instructor has frozen this lab for a moment. Everything stays; checks wait.");
      if (news.state === "open") {
        frozen?.remove(); frozen = null;
        if (document.title.startsWith("Not open yet")) location.reload();
        else show("good", "Open:", `${news.title} goes on.`);
      }
    },
    reset: () => show("warn", "Begun anew.", "Your instructor began this lab anew for you. What came before stays in the log.", { label: "Load the page", act: () => location.reload() }),
  };

  let source = null;
  const listen = () => {
    source = new EventSource(`${base}room/news?after=${seen()}`);
    source.addEventListener("message", (event) => {
      const news = JSON.parse(event.data);
      on[news.kind]?.(news);
    });
  };
  // A browser keeps six lines to one server, for all tabs together: those that nobody sees give theirs back.
  document.addEventListener("visibilitychange", () => {
    source?.close();
    if (document.hidden) return;
    if (document.title.startsWith("Not open yet")) location.reload();
    else listen();
  });
  const begin = () => { trim(); document.body.append(place); if (!document.hidden) listen(); };
  if (window.self !== window.top) return;
  if (document.body) begin(); else document.addEventListener("DOMContentLoaded", begin);
})();
