// One sortable table with a filter, for five rows or five hundred. Where it is too wide, each row is a card of its own.

import { el } from "./dom.js";
import { missing, NONE } from "./format.js";

// columns: {title, value: row => what to sort by, cell: row => what to show, number: right-aligned, wide: sentences,
//   optional: left out while no row has a value}
// expand: row => an element to show below the row, made when it is first opened; null where there is nothing
// key: row => what a row is called, so that sorting and reloading keep opened rows open
// more: () => loads further rows, where a server has them
export class Table {
  constructor({ caption, columns, key, expand, filter, more }) {
    this.columns = columns;
    this.key = key;
    this.expand = expand;
    this.rows = [];
    this.sorted = null;
    this.descending = false;
    this.words = "";
    this.opened = new Set();
    this.body = el("tbody", { role: "rowgroup" });
    this.count = el("span", { class: "quiet", role: "status" });
    this.heads = columns.map((column) =>
      el(
        "th",
        { scope: "col", role: "columnheader", class: column.number && "number", "aria-sort": "none" },
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
    this.further = more && el("button", { type: "button", class: "more", hidden: true, onclick: more }, "Show more");
    this.scroll = el(
      "div",
      { class: "scroll", role: "region", tabindex: "0", "aria-label": caption },
      el(
        "table",
        { role: "table" },
        el("caption", {}, caption),
        el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, expand && el("th", { role: "columnheader" }, el("span", { class: "unseen" }, "Story")), this.heads)),
        this.body,
      ),
    );
    this.node = el("div", { class: "table" }, filter && el("p", { class: "tools" }, input, " ", this.count), this.scroll, this.further);
    this.width = 0;
    new ResizeObserver(() => {
      if (this.scroll.clientWidth !== this.width) this.fit();
    }).observe(this.scroll);
  }

  // total: how many rows there are in all, where these are only the first of them.
  update(rows, total) {
    this.rows = rows;
    if (this.further) {
      this.further.hidden = total === undefined || rows.length >= total;
      this.further.textContent = `Show more (${rows.length} of ${total})`;
    }
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
    this.left = this.columns.map((column) => Boolean(column.optional) && this.rows.every((row) => missing(column.value(row))));
    this.heads.forEach((head, index) => (head.hidden = this.left[index]));
    const focused = document.activeElement?.dataset?.row;
    this.body.replaceChildren(...rows.flatMap((row) => this.line(row)));
    if (focused) this.body.querySelector(`[data-row="${CSS.escape(focused)}"]`)?.focus();
    this.count.textContent = `${rows.length} of ${this.rows.length}`;
    this.fit();
  }

  // Nothing is cut off or hidden behind a scrollbar: what does not fit stands below one another.
  fit() {
    this.node.classList.remove("stacked");
    this.width = this.scroll.clientWidth;
    this.node.classList.toggle("stacked", this.scroll.scrollWidth > this.scroll.clientWidth + 1);
    this.width = this.scroll.clientWidth;
  }

  text(row) {
    return this.columns.map((column) => String(column.value(row) ?? "")).join(" ").toLowerCase();
  }

  line(row) {
    const cells = this.columns.map((column, index) => {
      const shown = column.cell ? column.cell(row) : (column.value(row) ?? NONE);
      const head = index === 0;
      return el(
        head ? "th" : "td",
        {
          scope: head && "row",
          role: head ? "rowheader" : "cell",
          class: column.number ? "number" : column.wide && "wide",
          "data-label": column.title,
          hidden: this.left[index],
        },
        shown,
      );
    });
    if (!this.expand) return [el("tr", { role: "row" }, cells)];
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
    const line = el("tr", { role: "row" }, el("td", { role: "cell", class: "toggles" }, toggle), cells);
    if (!open) return [line];
    const story = el("td", { role: "cell", colspan: this.columns.length + 1 }, this.expand(row));
    return [line, el("tr", { role: "row", class: "opened" }, story)];
  }
}

// Rows of the API page by page: load(offset) returns {rows, total}.
export class PagedTable extends Table {
  constructor({ load, ...given }) {
    super({ ...given, more: () => this.next() });
    this.load = load;
    this.shown = 0;
  }

  // Ask again for all that is shown.
  async refresh() {
    const wanted = Math.max(this.shown, 1);
    let rows = [];
    let total = 0;
    do {
      const found = await this.load(rows.length);
      rows = [...rows, ...found.rows];
      total = found.total;
      if (!found.rows.length) break;
    } while (rows.length < Math.min(wanted, total));
    this.shown = rows.length;
    this.update(rows, total);
    return total;
  }

  async next() {
    const found = await this.load(this.rows.length);
    this.shown = this.rows.length + found.rows.length;
    this.update([...this.rows, ...found.rows], found.total);
  }
}

function compare(a, b, descending) {
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  return descending ? -order : order;
}
