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
const element = (name, properties) => Object.assign(document.createElement(name), properties);
// Tables of many rows: the first are shown, all can be sorted, filtered and saved.
const FIRST = 15;
const CHOICES = 30;
for (const box of document.querySelectorAll(".browse")) {
  const table = box.querySelector("table");
  const heads = [...table.tHead.rows[0].cells];
  let rows = [...table.tBodies[0].rows];
  const saved = rows;
  let all = false;
  const controls = element("p", { className: "controls" });
  const search = element("input", { type: "search", placeholder: "filter", ariaLabel: "filter rows" });
  const more = element("button", { type: "button" });
  const none = element("span", { className: "note" });
  const selects = heads.map((head, at) => {
    const values = [...new Set(rows.map((row) => row.cells[at].textContent))].sort();
    const words = head.classList.contains("word") && !rows.some((row) => row.cells[at].querySelector(".text"));
    if (!words || 2 > values.length || values.length > CHOICES) return null;
    const select = element("select", { ariaLabel: head.textContent });
    select.append(new Option(head.textContent + ": all", ""), ...values.map((value) => new Option(value, value)));
    return select;
  });
  const show = () => {
    const wanted = search.value.toLowerCase();
    let fitting = 0;
    for (const row of rows) {
      const chosen = selects.every((select, at) => !select || !select.value || row.cells[at].textContent === select.value);
      const fits = chosen && row.textContent.toLowerCase().includes(wanted);
      fitting += fits ? 1 : 0;
      row.hidden = !fits || (!all && fitting > FIRST);
    }
    more.hidden = FIRST >= fitting;
    more.textContent = all ? "show " + FIRST : "show all " + fitting;
    none.textContent = fitting ? "" : "no such row";
  };
  const sort = (at, head) => {
    const down = head.ariaSort === "ascending";
    heads.forEach((other) => { other.ariaSort = null; });
    head.ariaSort = down ? "descending" : "ascending";
    const value = (row) => row.cells[at].textContent;
    const numbers = saved.every((row) => !value(row) || !Number.isNaN(Number(value(row).replaceAll(",", ""))));
    const compare = (a, b) => numbers
      ? Number(value(a).replaceAll(",", "")) - Number(value(b).replaceAll(",", ""))
      : value(a).localeCompare(value(b));
    rows = [...saved].sort((a, b) => down ? compare(b, a) : compare(a, b));
    table.tBodies[0].append(...rows);
    show();
  };
  heads.forEach((head, at) => {
    const button = element("button", { type: "button", textContent: head.textContent, title: "sort" });
    button.addEventListener("click", () => sort(at, head));
    head.replaceChildren(button);
  });
  const save = element("button", { type: "button", textContent: "CSV" });
  save.addEventListener("click", () => {
    const quoted = (cell) => "\"" + cell.textContent.replaceAll("\"", "\"\"") + "\"";
    const lines = [heads, ...rows.map((row) => [...row.cells])].map((cells) => cells.map(quoted).join(","));
    const link = element("a", { download: box.dataset.name + ".csv" });
    link.href = URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
    link.click();
    URL.revokeObjectURL(link.href);
  });
  search.addEventListener("input", show);
  selects.forEach((select) => select && select.addEventListener("change", show));
  more.addEventListener("click", () => { all = !all; show(); });
  controls.append(search, ...selects.filter(Boolean), more, save, none);
  box.prepend(controls);
  box.choose = (values) => {
    search.value = "";
    selects.forEach((select, at) => { if (select) select.value = values[heads[at].textContent] || ""; });
    show();
    box.scrollIntoView({ block: "start" });
  };
  show();
}
// A wrong cell of a confusion matrix chooses its rows in the table of mistakes.
for (const cell of document.querySelectorAll(".confusion td.wrong")) {
  const table = cell.closest("table");
  const box = table.closest("section").querySelector(".browse");
  if (!box || cell.querySelector(".none")) continue;
  cell.tabIndex = 0;
  cell.role = "button";
  cell.title = "show these rows";
  const choose = () => box.choose({
    gold: cell.parentElement.cells[0].textContent,
    answered: table.tHead.rows[0].cells[cell.cellIndex].textContent,
  });
  cell.addEventListener("click", choose);
  cell.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(); });
}
// An entity type chooses the sentences that have it.
for (const legend of document.querySelectorAll(".legend.types")) {
  const section = legend.closest("section");
  for (const mark of legend.querySelectorAll("mark")) {
    const button = element("button", { type: "button", title: "sentences with it", ariaPressed: "false" });
    mark.replaceWith(button);
    button.append(mark);
    button.addEventListener("click", () => {
      const chosen = button.ariaPressed !== "true";
      legend.querySelectorAll("button").forEach((other) => { other.ariaPressed = String(chosen && other === button); });
      for (const example of section.querySelectorAll(".example")) {
        const has = [...example.querySelectorAll("mark")].some((one) => one.dataset.type === mark.dataset.type);
        example.hidden = chosen && !has;
      }
    });
  }
}
