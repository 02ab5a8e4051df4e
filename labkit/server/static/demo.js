// Live demo: step through prepared states with the arrow keys; the class votes, then the run is shown.
// The run is prepared out of sight while the class votes, so that nobody waits for it.
(() => {
  "use strict";
  const states = JSON.parse(document.getElementById("states").textContent);
  const part = (id) => document.getElementById(id);
  const frame = part("run-frame");
  const votes = states.map(() => [0, 0, 0]);
  let at = 0;
  let shown = false;

  const count = () => {
    const most = Math.max(1, ...votes[at]);
    document.querySelectorAll("[data-vote]").forEach((button) => {
      const mine = votes[at][Number(button.dataset.vote)];
      button.querySelector("span").textContent = mine;
      button.parentElement.querySelector("rect").setAttribute("width", 100 * mine / most);
    });
  };
  const stage = () => {
    part("stage").classList.toggle("lk-shown", shown);
    part("stage").inert = !shown;
  };
  const draw = () => {
    part("place").textContent = `Live demo, state ${at + 1} of ${states.length}`;
    part("state-title").textContent = states[at].title;
    part("state-say").textContent = states[at].say;
    part("back").disabled = at === 0;
    part("next").disabled = at === states.length - 1;
    shown = false;
    part("warm").textContent = "Preparing the run";
    // Replaced and not pushed: the browser's back button leaves the demo instead of stepping the frame.
    const address = `${frame.dataset.lab}?demo=${at + 1}`;
    if (document.readyState === "complete") frame.contentWindow.location.replace(address);
    stage();
    count();
  };
  const step = (by) => {
    const to = Math.min(states.length - 1, Math.max(0, at + by));
    if (to === at) return;
    at = to;
    draw();
    part("state-title").focus();
  };
  const run = () => {
    shown = true;
    stage();
    part("stage").scrollIntoView({ block: "start" });
    frame.focus();
  };
  const vote = (which, by) => { votes[at][which] = Math.max(0, votes[at][which] + by); count(); };
  const onkey = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea, [role=slider]")) return;
    const act = {
      ArrowRight: () => step(1), PageDown: () => step(1), ArrowLeft: () => step(-1), PageUp: () => step(-1),
      r: run, 1: () => vote(0, 1), 2: () => vote(1, 1), 3: () => vote(2, 1),
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  };

  part("back").addEventListener("click", () => step(-1));
  part("next").addEventListener("click", () => step(1));
  part("run").addEventListener("click", run);
  document.querySelectorAll("[data-vote]").forEach((button) => button.addEventListener("click", () => vote(Number(button.dataset.vote), 1)));
  document.querySelectorAll("[data-unvote]").forEach((button) => button.addEventListener("click", () => vote(Number(button.dataset.unvote), -1)));
  document.addEventListener("keydown", onkey);
  // The page inside takes the keys when it is used; it hands on those that step the demo.
  frame.addEventListener("load", () => frame.contentDocument?.addEventListener("keydown", onkey));
  setInterval(() => {
    const ready = frame.contentDocument?.documentElement?.dataset.lkReady === "yes";
    const text = ready ? "The run is ready" : "Preparing the run";
    if (part("warm").textContent !== text) part("warm").textContent = text;
  }, 500);
  draw();
  // The page itself is there first; its run follows.
  window.addEventListener("load", () => setTimeout(draw));
})();
