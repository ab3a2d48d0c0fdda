"use strict";
(() => {
  const said = document.getElementById("said");
  const ORDER = ["REAL", "SOFT", "STALLED", "NEW", "LOST", "NO EVIDENCE", "UNKNOWN"];
  const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  // What a cell is sorted by: data-v, else a status' rank, else its number or its words; null is unknown, always last.
  const keyOf = (cell, kind) => {
    if (!cell) return null;
    const given = cell.dataset.v;
    const text = given === undefined ? cell.textContent.trim() : given;
    if (text === "" || text === "-") return null;
    if (kind === "status") return ORDER.indexOf(text.replace("?", ""));
    if (kind !== "number") return text;
    const number = parseFloat(text.replace(/,/g, ""));
    return Number.isNaN(number) ? null : number;
  };

  const sort = (table, head, column) => {
    const kind = head.dataset.sort;
    const was = head.getAttribute("aria-sort");
    const down = was === "none" ? kind === "number" : was === "ascending";
    const sign = down ? -1 : 1;
    for (const body of table.tBodies) {
      if (body.classList.contains("fixed")) continue;
      const rows = Array.from(body.rows, (row) => [keyOf(row.cells[column], kind), row]);
      rows.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        return sign * (typeof a === "string" ? words.compare(a, b) : a - b);
      });
      body.append(...rows.map(([, row]) => row));
    }
    for (const other of table.tHead.rows[0].cells) {
      if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    }
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    said.textContent = `Sorted by ${head.textContent.trim()}, ${down ? "descending" : "ascending"}.`;
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
      if (!head.dataset.sort) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      if (!head.hasAttribute("aria-sort")) head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => sort(table, head, column));
    });
  }

  for (const field of document.querySelectorAll("input[data-filter]")) {
    const table = document.getElementById(field.dataset.filter);
    const rows = Array.from(table.tBodies[0].rows);
    let texts = null;
    field.closest("label").hidden = false;
    field.addEventListener("input", () => {
      texts ??= rows.map((row) => row.textContent.toLowerCase());
      const wanted = field.value.trim().toLowerCase();
      let shown = 0;
      rows.forEach((row, n) => {
        row.hidden = !texts[n].includes(wanted);
        shown += !row.hidden;
      });
      said.textContent = `${shown} of ${rows.length} rows.`;
    });
  }

  for (const button of document.querySelectorAll("button[data-open]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const open = button.dataset.open === "true";
      for (const part of document.querySelectorAll(`#${button.dataset.of} details`)) part.open = open;
      said.textContent = open ? "All opened." : "All closed.";
    });
  }

  // A link to something folded opens it.
  const unfold = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || target.tagName !== "DETAILS") return;
    target.open = true;
    target.querySelector("summary").focus();
    target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
