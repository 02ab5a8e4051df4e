// A form that takes a while says so, and is not sent twice.
(() => {
  for (const form of document.querySelectorAll("form[data-lk-busy]")) {
    form.addEventListener("submit", () => {
      const button = form.querySelector("button"), status = form.querySelector("[role=status]");
      status.textContent = form.dataset.lkBusy;
      setTimeout(() => { button.disabled = true; }, 0);
    });
  }
  // Whoever comes back with the back button finds the form usable again.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-lk-busy]")) {
      form.querySelector("button").disabled = false;
      form.querySelector("[role=status]").textContent = "";
    }
  });
})();
