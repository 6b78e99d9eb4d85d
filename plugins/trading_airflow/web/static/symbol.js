// A symbol: who holds it, its price and position session by session, and everything that happened to it in time.

import "./header.js";
import { get } from "./api.js";
import { asked } from "./chooser.js";
import { badge, el, empty, page, runLink, show } from "./dom.js";
import { asNumber, missing, NONE, number, percent, plain, signed, time } from "./format.js";
import { positionTable } from "./lists.js";
import { plot } from "./plot.js";
import { attempt } from "./refresh.js";
import { byBook, nameOf, series } from "./results.js";
import { PagedTable, Table } from "./table.js";

const symbol = asked("symbol")?.trim().toUpperCase();

async function load() {
  const { symbols } = await get("/symbols");
  if (!symbol) {
    show(
      "content",
      finder(symbols),
      symbols.length
        ? el("ul", { class: "tools", id: "symbols" }, symbols.map((each) => el("li", { class: "badge" }, el("a", { href: page("symbol", { symbol: each }) }, each))))
        : empty("No symbol yet: a strategy of the strategies file names those that it trades."),
    );
    return;
  }
  document.querySelector("h1").textContent = symbol;
  document.title = symbol;
  let first = null;
  const events = new PagedTable({
    caption: "Newest first",
    filter: true,
    load: async (offset) => {
      const found = await get(`/symbols/${encodeURIComponent(symbol)}`, { limit: 100, offset });
      first ??= found;
      return { rows: found.events, total: found.total };
    },
    columns: COLUMNS,
  });
  const total = await events.refresh();
  const held = new Table({ caption: "What strategies hold, by our own book", columns: positionTable("", {}).columns.slice(1) });
  held.update(first.positions);
  show(
    "content",
    finder(symbols),
    el("section", {}, el("h2", {}, "Held now"), first.positions.length ? held.node : empty(`No strategy holds ${symbol} now.`)),
    el(
      "section",
      {},
      el("h2", {}, "By session"),
      first.sessions.length ? byBook(first.sessions).map(plots) : empty(`No plan had ${symbol} yet: after a run's plan its price and its position are here.`),
    ),
    el("section", {}, el("h2", {}, "Everything that happened"), total ? events.node : empty("Nothing yet: signals, orders, fills, corrections and breaks will be here.")),
  );
  held.fit();
  events.fit();
}

function finder(symbols) {
  const input = el("input", { id: "find", list: "known", name: "symbol", autocomplete: "off", maxlength: 15, required: true });
  return el(
    "form",
    {
      role: "search",
      onsubmit: (event) => {
        event.preventDefault();
        location.assign(page("symbol", { symbol: input.value.trim().toUpperCase() }));
      },
    },
    el("label", { for: "find" }, "Symbol"),
    input,
    el("datalist", { id: "known" }, symbols.map((each) => el("option", { value: each }))),
    el("button", { type: "submit" }, "Show"),
  );
}

function plots(book) {
  const name = nameOf(book.at(-1));
  return el(
    "div",
    { class: "plots" },
    plot({ ...series(`Position of ${name}`, book, [["quantity", "Position", "--blue"]], "shares") }),
    plot({ ...series(`Price when ${name} planned`, book, [["price", "Price", "--orange"]]), zero: false }),
  );
}

const COLUMNS = [
  { title: "When", value: (row) => row.at, cell: (row) => time(row.at, "second") },
  { title: "What", value: (row) => row.kind, cell: (row) => badge(row.kind) },
  { title: "Strategy", value: (row) => row.strategy_id, cell: (row) => (row.strategy_id ? el("a", { href: page("strategy", { strategy: row.strategy_id }) }, row.strategy_id) : NONE) },
  { title: "Shares", number: true, value: (row) => asNumber(row.quantity), cell: (row) => (row.kind === "order" ? number(row.quantity) : signed(row.quantity)) },
  { title: "At, USD", number: true, value: (row) => asNumber(row.price), cell: (row) => number(row.price, 2) },
  { title: "Held after", number: true, value: (row) => asNumber(row.position), cell: (row) => number(row.position) },
  { title: "What came of it", wide: true, value: (row) => told(row), cell: (row) => [runLink(row, told(row)), row.reason && el("span", { class: "detail" }, row.reason)] },
];

function told(row) {
  if (row.kind === "signal") {
    const words = [
      missing(row.rank) ? null : `rank ${row.rank}`,
      missing(row.predicted_return) ? null : `predicted ${percent(row.predicted_return, 2)}`,
      missing(row.target_weight) ? null : `weight ${percent(row.target_weight)}`,
      plain(row.words),
    ];
    return words.filter(Boolean).join(", ");
  }
  if (row.kind === "order") return `${row.side} ${number(row.quantity)}: ${plain(row.words)}`;
  if (row.kind === "fill") return "filled";
  return plain(row.words);
}

attempt(load);
