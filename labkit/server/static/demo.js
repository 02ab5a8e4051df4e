// Live demo: step through prepared states with the arrow keys; the class votes before the run is shown.
(() => {
  "use strict";
  const states = JSON.parse(document.getElementById("states").textContent);
  const part = (id) => document.getElementById(id);
  const frame = part("run-frame");
  let at = 0;
  const votes = states.map(() => [0, 0, 0]);

  const draw = () => {
    part("place").textContent = `State ${at + 1} of ${states.length}`;
    part("state-title").textContent = states[at].title;
    part("state-say").textContent = states[at].say;
    part("back").disabled = at === 0;
    part("next").disabled = at === states.length - 1;
    document.querySelectorAll("[data-vote]").forEach((button) => {
      const which = Number(button.dataset.vote);
      button.querySelector("span").textContent = votes[at][which];
    });
    part("stage").hidden = true;
    frame.removeAttribute("src");
  };
  const step = (by) => { at = Math.min(states.length - 1, Math.max(0, at + by)); draw(); part("state-title").focus(); };
  const run = () => {
    part("stage").hidden = false;
    frame.src = `${frame.dataset.lab}?demo=${at + 1}`;
    frame.focus();
  };
  part("back").addEventListener("click", () => step(-1));
  part("next").addEventListener("click", () => step(1));
  part("run").addEventListener("click", run);
  document.querySelectorAll("[data-vote]").forEach((button) => button.addEventListener("click", () => {
    votes[at][Number(button.dataset.vote)] += 1;
    draw();
  }));
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea")) return;
    const act = { ArrowRight: () => step(1), PageDown: () => step(1), ArrowLeft: () => step(-1), PageUp: () => step(-1), r: run }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  draw();
})();
