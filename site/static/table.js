// Sorting and filtering of tables that are complete without it. No dependency, no request.
"use strict";

/** The value a cell is sorted by: a number where it is one, else its text; null if there is none. */
function sortValue(row, column) {
  const cell = row.cells[column];
  const raw = cell.dataset.value ?? cell.textContent.trim();
  if (raw === "") return null;
  const number = Number(raw);
  return Number.isNaN(number) ? raw.toLowerCase() : number;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

/** Sort rows by a column; rows without a value stay last in both directions, ties keep their order. */
function sortTable(table, heading, direction) {
  const body = table.tBodies[0];
  const sign = direction === "ascending" ? 1 : -1;
  const rows = Array.from(body.rows, (row) => [row, sortValue(row, heading.cellIndex)]);
  rows.sort(([, a], [, b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * compare(a, b);
  });
  body.append(...rows.map(([row]) => row));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", direction);
}

function addSorting(table) {
  for (const heading of table.tHead.rows[0].cells) {
    const title = heading.querySelector(".title");
    const button = document.createElement("button");
    button.type = "button";
    title.replaceWith(button);
    button.append(title);
    button.addEventListener("click", () => {
      const ascending = heading.getAttribute("aria-sort") === "ascending";
      sortTable(table, heading, ascending ? "descending" : "ascending");
    });
  }
}

/** A field that hides the rows without the typed words, and says how many are left. */
function addFilter(table) {
  const rows = Array.from(table.tBodies[0].rows);
  if (rows.length < 8) return;
  const box = document.createElement("p");
  const label = document.createElement("label");
  const input = document.createElement("input");
  const output = document.createElement("output");
  box.className = "filter";
  input.type = "search";
  input.id = `${table.id}-filter`;
  label.htmlFor = input.id;
  label.textContent = "Show rows with";
  output.htmlFor = input.id;
  box.append(label, input, output);
  table.closest(".region").before(box);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    const shown = rows.filter((row) => !row.hidden).length;
    output.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
}

for (const table of document.querySelectorAll("table.data")) {
  addSorting(table);
  addFilter(table);
}
