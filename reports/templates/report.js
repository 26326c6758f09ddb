// Comfort only: filters, open and close, copy. Without it everything can be read.
(() => {
  const all = [...document.querySelectorAll("details.scenario")];
  const tools = document.querySelector(".tools");
  const words = tools.querySelector("input");
  const choices = [...tools.querySelectorAll("[data-show]")];
  const nothing = document.querySelector(".nothing");
  const text = new Map(all.map((d) => [d, d.textContent.toLowerCase()]));
  let show = "";

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const d of all) {
      d.hidden = Boolean(show && d.dataset.verdict !== show) || !wanted.every((w) => text.get(d).includes(w));
    }
    for (const page of document.querySelectorAll("section.page")) {
      page.hidden = !page.querySelector("details.scenario:not([hidden])");
    }
    document.querySelectorAll("details.unasked").forEach((d) => { d.open = Boolean(show || wanted.length); });
    nothing.hidden = all.length === 0 || all.some((d) => !d.hidden);
  }

  function reveal() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const scenario = target && target.closest("details.scenario");
    if (!scenario) return;
    scenario.hidden = false;
    scenario.closest("section.page").hidden = false;
    scenario.open = true;
    scenario.scrollIntoView();
  }

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "selected";
    }
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  }

  choices.forEach((button) => button.addEventListener("click", () => {
    show = button.dataset.show;
    choices.forEach((b) => b.setAttribute("aria-pressed", String(b === button)));
    filter();
  }));
  words.addEventListener("input", filter);
  tools.querySelectorAll("[data-open]").forEach((button) => button.addEventListener("click", () => {
    all.filter((d) => !d.hidden).forEach((d) => { d.open = Boolean(button.dataset.open); });
  }));
  document.querySelectorAll(".copy").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  });
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => document.querySelectorAll("details.testbed").forEach((d) => { d.open = true; }));
  tools.hidden = false;
  reveal();
})();
