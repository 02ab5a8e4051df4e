// Narrows a list to what holds the words typed, and says how many are left.
(() => {
  "use strict";
  for (const form of document.querySelectorAll("[data-lk-find]")) {
    const all = [...document.querySelectorAll(form.dataset.lkFind)];
    const status = form.querySelector("[data-lk-count]");
    const [one, many] = status.dataset.lkCount.split(",");
    const apply = () => {
      const text = form.querySelector("input").value.trim().toLowerCase();
      let left = 0;
      for (const each of all) {
        each.hidden = text !== "" && !each.textContent.toLowerCase().includes(text);
        left += each.hidden ? 0 : 1;
      }
      status.textContent = `${left} ${left === 1 ? one : many}`;
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
  }
})();
