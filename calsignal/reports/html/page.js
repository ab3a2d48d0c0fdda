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

  // Of a long table only the first rows are shown, until all are asked for: a browser takes seconds for 10,000.
  const MOST = 500;
  const limits = new Map();
  const wanted = new Map();
  const show = (table) => {
    const limit = limits.get(table) ?? Infinity;
    const matches = wanted.get(table);
    let found = 0;
    for (const row of table.tBodies[0].rows) {
      const fits = !matches || matches.has(row);
      row.hidden = !fits || found >= limit;
      found += fits;
    }
    return found;
  };

  const sort = (table, head, column) => {
    const kind = head.dataset.sort;
    const was = head.getAttribute("aria-sort");
    const down = was === "none" ? kind === "number" : was === "ascending";
    const sign = down ? -1 : 1;
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row) => [keyOf(row.cells[column], kind), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * (typeof a === "string" ? words.compare(a, b) : a - b);
    });
    const next = body.nextSibling;
    body.remove(); // moving ten thousand rows is quicker out of sight
    body.append(...rows.map(([, row]) => row));
    table.insertBefore(body, next);
    if (limits.has(table)) show(table);
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
    const count = table.tBodies[0].rows.length;
    if (count <= MOST) continue;
    limits.set(table, MOST);
    show(table);
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `The first ${MOST} rows are shown: show all ${count}`;
    const tools = document.createElement("div");
    tools.className = "tools";
    tools.append(button);
    table.parentElement.after(tools);
    button.addEventListener("click", () => {
      limits.delete(table);
      show(table);
      tools.remove();
      said.textContent = `All ${count} rows are shown.`;
    });
  }

  for (const field of document.querySelectorAll("input[data-filter]")) {
    const table = document.getElementById(field.dataset.filter);
    const rows = Array.from(table.tBodies[0].rows);
    let texts = null;
    field.closest("label").hidden = false;
    field.addEventListener("input", () => {
      texts ??= rows.map((row) => row.textContent.toLowerCase());
      const words = field.value.trim().toLowerCase();
      wanted.set(table, words ? new Set(rows.filter((row, n) => texts[n].includes(words))) : null);
      said.textContent = `${show(table)} of ${rows.length} rows.`;
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

  // On a narrow screen a timeline opens with today in sight.
  document.addEventListener("toggle", (event) => {
    for (const frame of event.target.querySelectorAll?.(".swing") ?? []) {
      const now = frame.querySelector(".now").getBoundingClientRect().left - frame.getBoundingClientRect().left;
      frame.scrollLeft += now - frame.clientWidth / 2;
    }
  }, true);

  // Parts out of sight have no height yet, so a jump may miss: aim again until the target stays where it is.
  const aim = (target, tries) => {
    target.scrollIntoView({ behavior: "instant" });
    const there = target.getBoundingClientRect().top;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (tries > 0 && Math.abs(target.getBoundingClientRect().top - there) > 1) aim(target, tries - 1);
    }));
  };

  // A link to something folded opens it.
  const unfold = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (target.tagName === "DETAILS") {
      target.open = true;
      target.querySelector("summary").focus({ preventScroll: true });
    }
    aim(target, 20);
  };
  for (const link of document.querySelectorAll("a[href^='#']")) {
    link.addEventListener("click", () => link.hash === location.hash && unfold()); // the same place once more
  }
  addEventListener("hashchange", unfold);
  unfold();
})();
