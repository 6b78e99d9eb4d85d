// One sortable table with a filter, for five rows or five hundred.

import { el, NONE } from "./dom.js";

// columns: {title, value: row => what to sort by, cell: row => what to show, number: right-aligned, wide: sentences}
// expand: row => an element to show below the row, made when it is first opened; null where there is nothing
// key: row => what a row is called, so that sorting and reloading keep opened rows open
export class Table {
  constructor({ caption, columns, key, expand, filter }) {
    this.columns = columns;
    this.key = key;
    this.expand = expand;
    this.rows = [];
    this.sorted = null;
    this.descending = false;
    this.words = "";
    this.opened = new Set();
    this.body = el("tbody");
    this.count = el("span", { class: "quiet", role: "status" });
    this.heads = columns.map((column) =>
      el(
        "th",
        { scope: "col", class: column.number && "number", "aria-sort": "none" },
        el("button", { type: "button", onclick: () => this.sort(column) }, column.title),
      ),
    );
    const input = el("input", {
      type: "search",
      placeholder: "Filter rows",
      "aria-label": `Filter: ${caption}`,
      oninput: (event) => {
        this.words = event.target.value.toLowerCase();
        this.draw();
      },
    });
    this.node = el(
      "div",
      { class: "table" },
      filter && el("p", { class: "tools" }, input, " ", this.count),
      el(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
        el(
          "table",
          {},
          el("caption", {}, caption),
          el("thead", {}, el("tr", {}, expand && el("th", { scope: "col" }, ""), this.heads)),
          this.body,
        ),
      ),
    );
  }

  update(rows) {
    this.rows = rows;
    this.draw();
  }

  sort(column) {
    this.descending = this.sorted === column ? !this.descending : false;
    this.sorted = column;
    this.columns.forEach((each, index) => {
      const word = this.descending ? "descending" : "ascending";
      this.heads[index].setAttribute("aria-sort", each === column ? word : "none");
    });
    this.draw();
  }

  draw() {
    const rows = this.rows.filter((row) => !this.words || this.text(row).includes(this.words));
    if (this.sorted) rows.sort((a, b) => compare(this.sorted.value(a), this.sorted.value(b), this.descending));
    const focused = document.activeElement?.dataset?.row;
    this.body.replaceChildren(...rows.flatMap((row) => this.line(row)));
    if (focused) this.body.querySelector(`[data-row="${CSS.escape(focused)}"]`)?.focus();
    this.count.textContent = `${rows.length} of ${this.rows.length}`;
  }

  text(row) {
    return this.columns.map((column) => String(column.value(row) ?? "")).join(" ").toLowerCase();
  }

  line(row) {
    const cells = this.columns.map((column, index) => {
      const shown = column.cell ? column.cell(row) : (column.value(row) ?? NONE);
      const head = index === 0;
      return el(head ? "th" : "td", { scope: head && "row", class: column.number ? "number" : column.wide && "wide" }, shown);
    });
    if (!this.expand) return [el("tr", {}, cells)];
    const key = this.key(row);
    const open = this.opened.has(key);
    const label = `${open ? "Close" : "Open"} the story of ${key}`;
    const toggle = el(
      "button",
      { type: "button", class: "toggle", "aria-expanded": String(open), "aria-label": label, "data-row": key },
      open ? "▾" : "▸",
    );
    toggle.addEventListener("click", () => {
      if (!this.opened.delete(key)) this.opened.add(key);
      this.draw();
    });
    const line = el("tr", {}, el("td", {}, toggle), cells);
    if (!open) return [line];
    return [line, el("tr", { class: "opened" }, el("td", { colspan: this.columns.length + 1 }, this.expand(row)))];
  }
}

function compare(a, b, descending) {
  const missing = (value) => value === null || value === undefined || value === "";
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  return descending ? -order : order;
}
