// The filters of the catalogue: they hide cards, keep their setting in the address, and say what is left.
(() => {
  "use strict";
  const form = document.getElementById("filters");
  const cards = [...document.querySelectorAll("[data-lab]")];
  const found = document.getElementById("found");
  const read = () => Object.fromEntries(new FormData(form));

  const apply = () => {
    const want = read();
    const text = (want.text || "").trim().toLowerCase();
    let shown = 0;
    for (const card of cards) {
      const fits = (!want.domain || card.dataset.domain === want.domain)
        && (!want.route || card.dataset.route === want.route)
        && (!want.state || card.dataset.state === want.state)
        && (!text || `${card.textContent} ${card.dataset.words}`.toLowerCase().includes(text));
      card.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    document.getElementById("nothing").hidden = shown > 0;
    found.textContent = shown === 1 ? "1 lab" : `${shown} labs`;
    const query = new URLSearchParams(Object.entries(want).filter(([, value]) => value));
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  };
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (form.elements[name]) form.elements[name].value = value;
  }
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  apply();
})();
