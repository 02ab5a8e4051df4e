// The board: its table is asked for every two seconds and swapped in when it changed.
(() => {
  "use strict";
  const place = document.getElementById("board");
  const age = document.getElementById("board-age");
  const EVERY = 2000;
  let shown = "";
  let failed = 0;

  const swap = (html) => {
    if (html === shown) return;
    // What has the focus keeps it: a keyboard must not lose its place every two seconds.
    const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
    const scrolled = place.querySelector(".lk-scroll")?.scrollLeft || 0;
    place.innerHTML = html;
    const region = place.querySelector(".lk-scroll");
    if (region) region.scrollLeft = scrolled;
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    shown = html;
  };

  const follow = async () => {
    if (document.hidden) { setTimeout(follow, EVERY); return; }
    try {
      const answer = await fetch(place.dataset.lkTable, { headers: { Accept: "text/html" } });
      if (answer.status === 403) {
        age.textContent = "The server was started anew, or a week is over: open the board with the address that labkit serve printed last.";
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      swap(await answer.text());
      if (failed) age.textContent = "Live again.";
      failed = 0;
    } catch {
      failed += 1;
      if (failed === 2) age.textContent = "The server does not answer; this is how it stood last. Trying again.";
    }
    setTimeout(follow, EVERY);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-lk-help]");
    if (!button) return;
    const to = document.getElementById("to");
    if (![...to.options].some((option) => option.value === button.dataset.lkHelp)) {
      to.add(new Option(button.dataset.lkName, button.dataset.lkHelp));
    }
    to.value = button.dataset.lkHelp;
    const prepared = document.getElementById("prepared");
    const group = [...prepared.querySelectorAll("optgroup")].find((each) => each.dataset.lkOf === button.dataset.lkCheckpoint);
    if (group) { prepared.value = group.querySelector("option").value; fill(); }
    document.getElementById("text").focus();
  });

  const fill = () => {
    const prepared = document.getElementById("prepared");
    if (prepared.value) document.getElementById("text").value = prepared.value;
  };
  document.getElementById("prepared")?.addEventListener("change", fill);
  setTimeout(follow, EVERY);
})();
