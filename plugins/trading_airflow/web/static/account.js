// An account: its state, its books side by side with what to do about each difference, and its history.

import "./header.js";
import { RELEASED, adopt, correct, isStopped, rebind, settle, stopOrGo } from "./accountActs.js";
import { get } from "./api.js";
import { asked, chooser } from "./chooser.js";
import { badge, el, empty, facts, show, symbolLink, writing } from "./dom.js";
import { asNumber, missing, NONE, number, plain, time } from "./format.js";
import { orderTable } from "./lists.js";
import { attempt, every, say } from "./refresh.js";
import { PagedTable, Table } from "./table.js";

const POLL_MILLISECONDS = 15000;
const UNRESOLVED = ["sending", "unknown"];

let name = asked("account");
let orders = null;
let history = null;
let books = null;
let wanted = null;

async function load() {
  const place = document.getElementById("content");
  if (writing(place)) return;
  const { accounts } = await get("/accounts");
  const names = accounts.map((account) => account.account);
  name ??= names[0];
  if (!name) {
    show("content", empty("No account yet. The first run of a strategy writes its account's row; then its books, its history and what a person may do are here."));
    return;
  }
  document.querySelector("h1").textContent = `Account ${name}`;
  const found = await get(`/accounts/${encodeURIComponent(name)}`);
  orders ??= orderTable("Orders that may still trade, newest first", { account: name, live: true });
  history ??= historyTable();
  books ??= bookTable();
  const [open, happened] = await Promise.all([orders.refresh(), history.refresh()]);
  if (writing(place)) return;
  books.update(found.holdings);
  draw(found, names, open, happened);
}

function draw(account, names, open, happened) {
  const place = document.getElementById("content");
  const opened = new Set([...place.querySelectorAll("details[open]")].map((each) => each.dataset.act));
  const differing = account.holdings.filter((row) => row.difference !== null && Number(row.difference) !== 0);
  const lost = account.orders.filter((order) => UNRESOLVED.includes(order.state));
  const act = (id, title, form) => el("details", { "data-act": id, open: opened.has(id) || wanted?.act === id }, el("summary", {}, title), form);
  show(
    "content",
    chooser("Accounts", "account", "account", names, account.account),
    el(
      "section",
      { "data-account": account.account, "aria-labelledby": "state-title" },
      el("h2", { id: "state-title" }, "State ", badge(account.state)),
      account.state_reason && isStopped(account) && el("p", {}, account.state_reason),
      account.breaks.length > 0 &&
        el("ul", { class: "notes", id: "breaks" }, account.breaks.map((found) => el("li", {}, `${found.id} ${plain(found.kind)}: ${found.message}`))),
      facts([
        ["Since", time(account.state_changed_at, "second")],
        ["By", account.state_changed_by],
        ["Live orders", String(account.live_orders)],
        ["Without a known outcome", String(account.unresolved_orders)],
        ["Trades for", account.dag_ids.join(", ") || NONE],
        ["Kind", account.gateway.environment],
      ]),
      stopOrGo(account, acted),
    ),
    el(
      "section",
      { "aria-labelledby": "books-title" },
      el("h2", { id: "books-title" }, "Books side by side"),
      account.holdings.length === 0
        ? empty("Nothing is held, here or at the venue. Once orders fill, our book stands beside the venue's.")
        : [
            el(
              "p",
              { id: "verdict" },
              account.asked_at === null
                ? "The venue was never asked what it holds: the next run does."
                : differing.length
                  ? [badge(`${differing.length} differ`, "failed"), " The venue was asked ", time(account.asked_at, "second"), ". No order is sent for a symbol that differs until it is put right."]
                  : [badge("agree", "completed"), " The venue was asked ", time(account.asked_at, "second"), "."],
            ),
            books.node,
          ],
    ),
    lost.length > 0 && account.may_resume && el("section", {}, el("h2", {}, "Orders without a known outcome"), el("p", {}, "Look at the broker's own page, then say what became of each."), settle(account, lost, acted)),
    el("section", {}, el("h2", {}, "Open orders"), open ? orders.node : empty("No order is open.")),
    account.may_resume
      ? el(
          "section",
          {},
          el("h2", {}, "Put right"),
          act("correct", "Correct what a strategy holds", correct(account, acted, wanted?.act === "correct" ? wanted : {})),
          act("adopt", "Adopt a position that is not ours", adopt(account, acted, wanted?.act === "adopt" ? wanted : {})),
          act("rebind", "Rebind the account to its connection's gateway", [gatewayFacts(account), rebind(account, acted)]),
        )
      : el("section", {}, el("h2", {}, "Gateway"), gatewayFacts(account)),
    el("section", {}, el("h2", {}, "History"), happened ? history.node : empty("Nothing has been done to this account yet. Halts, corrections, adoptions and rebindings will appear here.")),
  );
  for (const table of [books, orders, history]) table.fit();
}

function gatewayFacts({ gateway, connection_id: connection }) {
  const moved = gateway.address !== null && gateway.connection_address !== gateway.address;
  return el(
    "div",
    {},
    moved && el("p", { class: "problem" }, "The connection names another gateway than the account belongs to: nothing is sent until it is rebound, or the connection corrected."),
    facts([
      ["Belongs to", gateway.address === RELEASED ? "none: it was taken off its gateway" : gateway.address ?? "none yet: the first contact decides"],
      [`Connection ${connection ?? ""}`, gateway.connection_address ?? "no usable connection names the account"],
      ["Broker", gateway.broker_url],
      ["Version", gateway.version],
    ]),
  );
}

function bookTable() {
  return new Table({
    caption: "Signed shares",
    filter: true,
    columns: [
      { title: "Symbol", value: (row) => row.symbol, cell: (row) => symbolLink(row.symbol) },
      { title: "Venue", number: true, value: (row) => asNumber(row.gateway), cell: (row) => number(row.gateway) },
      { title: "Ours", number: true, value: (row) => asNumber(row.fills), cell: (row) => number(row.fills) },
      { title: "of it corrected", number: true, value: (row) => asNumber(row.corrections), cell: (row) => number(row.corrections) },
      { title: "Baseline, not ours", number: true, value: (row) => asNumber(row.baseline), cell: (row) => number(row.baseline) },
      { title: "Difference", number: true, value: (row) => asNumber(row.difference), cell: difference },
      { title: "What to do", wide: true, value: (row) => words(row), cell: (row) => [words(row), " ", acts(row)] },
    ],
  });
}

function difference(row) {
  if (missing(row.difference)) return NONE;
  return Number(row.difference) === 0 ? "0" : el("strong", { class: "problem" }, number(row.difference));
}

function words(row) {
  if (row.gateway === null) return "The venue was never asked.";
  if (row.difference === null) return "It moved since the venue was asked.";
  if (Number(row.difference) === 0) return "Nothing: they agree.";
  if (Number(row.fills) === 0) return "No strategy of ours holds it: adopt it if it is not ours, or correct for a fill that is missing here.";
  return "Look at the broker: a split, a new name or a missing fill is corrected; shares that are not ours are adopted.";
}

function acts(row) {
  if (row.difference === null || Number(row.difference) === 0) return null;
  return [
    el("button", { type: "button", onclick: () => prepare("correct", row) }, "Correct …"),
    " ",
    el("button", { type: "button", onclick: () => prepare("adopt", row) }, "Adopt …"),
  ];
}

async function prepare(act, row) {
  const { positions } = await get("/positions", { account: name });
  const holders = positions.filter((each) => each.symbol === row.symbol);
  wanted = { act, symbol: row.symbol, strategy_id: holders.length === 1 ? holders[0].strategy_id : "" };
  document.activeElement?.blur();
  await attempt(load);
  const opened = document.querySelector(`[data-act=${act}]`);
  opened?.scrollIntoView({ block: "center" });
  opened?.querySelector("input:not([value])")?.focus();
  wanted = null;
}

function historyTable() {
  return new PagedTable({
    caption: "What was done to the account, newest first",
    load: async (offset) => {
      const found = await get(`/accounts/${encodeURIComponent(name)}/history`, { limit: 25, offset });
      return { rows: found.entries, total: found.total };
    },
    columns: [
      { title: "When", value: (row) => row.at, cell: (row) => time(row.at, "second") },
      { title: "What", value: (row) => row.kind, cell: (row) => badge(row.kind) },
      { title: "Change", value: (row) => change(row) },
      { title: "Symbol", value: (row) => row.symbol, cell: (row) => (row.symbol ? symbolLink(row.symbol) : NONE) },
      { title: "By", value: (row) => row.actor },
      { title: "Why", wide: true, value: (row) => row.reason },
    ],
  });
}

function change(row) {
  const of = row.correction_id === null ? "" : ` (number ${row.correction_id}${row.strategy_id ? `, ${row.strategy_id}` : ""})`;
  return `${plain(row.words)}${missing(row.quantity) ? "" : `: ${number(row.quantity)}`}${of}`;
}

async function acted(said) {
  say(said);
  document.activeElement?.blur();
  for (const field of document.querySelectorAll("#content input:not([type=checkbox]):not([type=search])")) field.value = field.defaultValue;
  await attempt(load);
}

attempt(load);
every(POLL_MILLISECONDS, () => attempt(load));
