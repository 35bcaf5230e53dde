"use strict";
// Shows the controls, filters the cells of the matrix, and copies statements. The page can be
// read without any of it.
(() => {
  const form = document.getElementById("filter");
  const status = document.getElementById("filter-count");
  const cells = [...document.querySelectorAll(".body[id]")].map((body) => {
    const [, table, command, persona] = body.id.split("/");
    const td = body.closest("td");
    return { td, table, command, persona, differs: td.classList.contains("differs"), words: null };
  });
  const rows = [...document.querySelectorAll("table.cells tbody tr")];
  const grids = [...document.querySelectorAll("section.grid")];
  const hide = (element, hidden) => { if (element.hidden !== hidden) element.hidden = hidden; };

  const words = (td) => [...td.parentElement.querySelectorAll("th"), td]
    .map((part) => part.textContent).join(" ").toLowerCase();

  const apply = () => {
    const text = form.elements["filter-text"].value.trim().toLowerCase();
    const [table, persona, command] = ["table", "persona", "command"].map(
      (name) => form.elements[`filter-${name}`].value);
    const differs = form.elements["filter-failed"].checked;
    let shown = 0;
    for (const cell of cells) {
      // Only where it is asked for: all of the page's text is in it.
      if (text) cell.words ??= words(cell.td);
      const hidden = (table && cell.table !== table) || (persona && cell.persona !== persona) ||
        (command && cell.command !== command) || (differs && !cell.differs) ||
        (text && !cell.words.includes(text));
      cell.td.classList.toggle("out", Boolean(hidden));
      shown += hidden ? 0 : 1;
    }
    for (const row of rows) hide(row, row.querySelector("td:not(.out):not(.none)") === null);
    for (const part of document.querySelectorAll(".columns-of, table.cells")) {
      hide(part, part.querySelector("td:not(.out):not(.none)") === null);
    }
    const all = shown === cells.length;
    for (const grid of grids) {
      hide(grid, !all && grid.querySelector("td:not(.out):not(.none)") === null);
    }
    if (!all) {
      for (const part of document.querySelectorAll(".columns-of:not([hidden])")) part.open = true;
    }
    status.textContent = `${shown} of ${cells.length} cells are shown`;
  };

  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => requestAnimationFrame(apply));
  form.hidden = false;
  status.textContent = `${cells.length} of ${cells.length} cells are shown`;

  // A button is made when its statement is opened.
  const offer = (statement) => {
    if (statement.previousElementSibling?.classList.contains("copy") || !navigator.clipboard) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy the statement";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(statement.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(statement);
        button.textContent = "Selected: copy it with the keyboard";
      }
    });
    statement.before(button);
  };
  const opened = (details) => {
    for (const statement of details.querySelectorAll("pre.sql")) {
      if (statement.closest("details") === details) offer(statement);
    }
  };
  document.addEventListener("toggle", (event) => { if (event.target.open) opened(event.target); }, true);
  for (const details of document.querySelectorAll("details[open]")) opened(details);
})();
