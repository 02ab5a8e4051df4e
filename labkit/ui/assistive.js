(() => {
  if (window.labkitAssistive) return;
  window.labkitAssistive = true;
  const set = (node, name, value) => {
    if (node && node.getAttribute(name) !== value) node.setAttribute(name, value);
  };
  const name = (box) => {
    const label = box.querySelector(":scope > .widget-label");
    return label ? label.textContent.replace(/\u200b/g, "").trim() : "";
  };
  const mend = () => {
    for (const box of document.querySelectorAll(".widget-slider")) {
      const label = name(box) || "Slider";
      const readout = box.querySelector(".widget-readout");
      for (const handle of box.querySelectorAll("[role=slider]")) {
        set(handle, "aria-label", label);
        if (readout) set(handle, "aria-valuetext", readout.textContent);
        set(handle, "aria-disabled", String(box.querySelector("[disabled]") !== null));
      }
      if (readout) { set(readout, "role", "textbox"); set(readout, "aria-label", label + ", typed"); }
    }
    for (const box of document.querySelectorAll(".widget-toggle-buttons")) {
      set(box.querySelector(":scope > div"), "role", "group");
      set(box.querySelector(":scope > div"), "aria-label", name(box) || "Choice");
      for (const each of box.querySelectorAll("button")) {
        set(each, "aria-pressed", String(each.classList.contains("mod-active")));
      }
    }
    for (const box of document.querySelectorAll(".widget-radio")) {
      const group = box.querySelector(".widget-radio-box");
      set(group, "role", "radiogroup");
      set(group, "aria-label", name(box) || "Answer");
    }
    for (const box of document.querySelectorAll(".widget-hprogress")) {
      const track = box.querySelector(".progress"), bar = box.querySelector(".progress-bar");
      if (!track || !bar) continue;
      set(track, "role", "progressbar");
      set(track, "aria-label", name(box) || "Progress");
      set(track, "aria-valuemin", "0");
      set(track, "aria-valuemax", "100");
      set(track, "aria-valuenow", String(Math.round(parseFloat(bar.style.width) || 0)));
    }
    for (const box of document.querySelectorAll(".lk-several")) {
      const words = box.querySelector(":scope > .widget-html");
      set(box, "role", "group");
      set(box, "aria-label", words ? words.textContent.trim() : "Options");
    }
    // ipywidgets joins the words of an option with no-break spaces, so that long ones are cut off.
    for (const option of document.querySelectorAll(".lk .widget-dropdown option")) {
      if (option.textContent.includes("\u00a0")) option.textContent = option.textContent.replace(/\u00a0/g, " ");
    }
    // What is said in them is heard only if they were there before it.
    for (const place of document.querySelectorAll(".lk-live")) set(place, "role", "status");
  };
  // In JupyterLab letters, arrows and Enter are commands of the notebook wherever no text is typed: "d d"
  // on a button of a panel would delete the cell that shows it.  Escape leads to that cell.
  const ours = (part) => part.closest(".jp-Notebook :is(.lk-panel, .lk-scroll)");
  document.addEventListener("focusin", ({ target }) => {
    if (ours(target)) set(target, "data-lm-suppress-shortcuts", "true");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && ours(event.target)) {
      event.target.closest(".jp-Cell").focus();
    }
  });
  // What somebody went to by a button below it takes the focus, once.
  const arrive = () => {
    for (const part of document.querySelectorAll("[data-lk-arrive]")) {
      part.removeAttribute("data-lk-arrive");
      part.focus();
    }
  };
  let shown = false;
  const show = () => {
    const here = document.querySelector(".lk-demo-here .lk-panel");
    if (!here || shown) return;
    shown = true;
    here.scrollIntoView({ block: "start" });
  };
  // A part that is built on demand opens as the page comes near it, else in its turn once all is quiet.
  const open = (part) => {
    if (part.dataset.lkOpening) return;
    part.dataset.lkOpening = "yes";
    const box = part.closest(".widget-vbox"), focused = document.activeElement === part;
    near.unobserve(part);
    part.click();
    if (!focused || !box) return;
    const watch = new MutationObserver(() => {
      const first = box.querySelector("button, input, select, [tabindex='0']");
      if (first && !first.classList.contains("lk-later")) { watch.disconnect(); first.focus(); }
    });
    watch.observe(box, { subtree: true, childList: true });
  };
  const near = new IntersectionObserver(
    (seen) => { for (const each of seen) if (each.isIntersecting) open(each.target); },
    { rootMargin: "1000px 0px", scrollMargin: "1000px 0px" },
  );
  const follow = () => {
    for (const part of document.querySelectorAll(".lk-later:not([data-lk-seen])")) {
      part.dataset.lkSeen = "yes";
      near.observe(part);
    }
  };
  const turn = () => {
    const part = document.querySelector(".lk-later:not([data-lk-opening])");
    if (part) open(part);
    else clearInterval(turns);
  };
  let turns = 0;
  setTimeout(() => { turns = setInterval(turn, 4000); }, 10000 + 5000 * Math.random());
  let waiting = false;
  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; mend(); arrive(); follow(); show(); });
  };
  new MutationObserver(later).observe(document.body, {
    subtree: true, childList: true, attributes: true, attributeFilter: ["class", "style", "disabled"],
  });
  mend();
  follow();
  show();
})();
