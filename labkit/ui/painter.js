// A grid to paint on, by mouse, pen and keyboard, tied to the text field beside it: .lk-painter holds
// .lk-paint, a grid of cells, and a text input that says the same in words of # and dots.
(() => {
  if (window.labkitPainter) return;
  window.labkitPainter = true;
  const cellAt = (node) => (node instanceof Element ? node.closest(".lk-paint [role=gridcell]") : null);
  const cellsOf = (grid) => [...grid.querySelectorAll("[role=gridcell]")];
  const isOn = (cell) => cell.getAttribute("aria-selected") === "true";
  const paint = (cell, on) => {
    cell.setAttribute("aria-selected", String(on));
    cell.setAttribute("aria-label", cell.dataset.at + (on ? ", painted" : ", empty"));
    cell.textContent = on ? "■" : "";
  };
  const inputOf = (grid) => grid.closest(".lk-painter")?.querySelector("input[type=text]");
  const send = (grid) => {
    const input = inputOf(grid);
    if (!input) return;
    input.value = [...grid.querySelectorAll("[role=row]")]
      .map((row) => [...row.children].map((cell) => (isOn(cell) ? "#" : ".")).join("")).join("/");
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const goTo = (grid, cell) => {
    for (const each of cellsOf(grid)) each.tabIndex = each === cell ? 0 : -1;
    cell.focus();
  };
  let stroke = null;
  document.addEventListener("pointerdown", (event) => {
    const cell = cellAt(event.target);
    if (!cell || event.button !== 0) return;
    event.preventDefault();
    const grid = cell.closest(".lk-paint");
    stroke = { grid, on: !isOn(cell) };
    goTo(grid, cell);
    paint(cell, stroke.on);
  });
  document.addEventListener("pointerover", (event) => {
    const cell = cellAt(event.target);
    if (stroke && cell && cell.closest(".lk-paint") === stroke.grid) paint(cell, stroke.on);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, () => {
      if (!stroke) return;
      const { grid } = stroke;
      stroke = null;
      send(grid);
    });
  }
  document.addEventListener("keydown", (event) => {
    const cell = cellAt(event.target);
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const grid = cell.closest(".lk-paint"), cells = cellsOf(grid), here = cells.indexOf(cell);
    const across = cell.parentElement.children.length;
    const to = {
      ArrowLeft: here % across ? here - 1 : here, ArrowRight: (here + 1) % across ? here + 1 : here,
      ArrowUp: here - across, ArrowDown: here + across,
      Home: here - (here % across), End: here - (here % across) + across - 1,
    }[event.key];
    if (event.key === " " || event.key === "Enter") {
      paint(cell, !isOn(cell));
      send(grid);
    } else if (to === undefined) return;
    else if (cells[to]) goTo(grid, cells[to]);
    event.preventDefault();
    event.stopPropagation();
  }, true);
  // What is typed into the field shows in the grid at once.
  document.addEventListener("change", (event) => {
    const field = event.target instanceof HTMLInputElement ? event.target : null;
    const grid = field && field.type === "text" ? field.closest(".lk-painter")?.querySelector(".lk-paint") : null;
    if (!grid) return;
    const marks = field.value.replace(/[^#.]/g, ""), cells = cellsOf(grid);
    if (marks.length === cells.length) cells.forEach((cell, i) => paint(cell, marks[i] === "#"));
  });
})();
