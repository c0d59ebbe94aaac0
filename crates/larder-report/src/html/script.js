"use strict";
for (const figure of document.querySelectorAll(".scatter")) {
  const chart = figure.querySelector("svg[data-points]");
  const said = figure.querySelector(".said");
  const wrong = [...chart.querySelectorAll(".wrong use")].filter((point) => point.querySelector("title"));
  let picked = null;
  const pick = (point) => {
    if (!point || !point.querySelector("title")) return;
    if (picked) picked.classList.remove("picked");
    picked = point;
    point.classList.add("picked");
    said.textContent = point.querySelector("title").textContent;
  };
  chart.addEventListener("pointerover", (event) => pick(event.target.closest("use")));
  chart.addEventListener("click", (event) => pick(event.target.closest("use")));
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || wrong.length === 0) return;
    event.preventDefault();
    const at = wrong.indexOf(picked);
    pick(wrong[(at + step + (at === -1 && step === -1 ? 1 : 0) + wrong.length) % wrong.length]);
  });
}
