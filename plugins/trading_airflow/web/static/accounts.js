// An account: its state, and what a person may do to it. Every act needs a reason, which is kept.

import { get, post } from "./api.js";
import { badge, el, facts, number, time } from "./dom.js";
import { Table } from "./table.js";

// changed: called after an act, so that the page shows what is now.
export function accountCard(account, changed) {
  return el(
    "article",
    { class: "card", "data-account": account.account },
    el("h3", {}, account.account, " ", badge(account.state)),
    account.state_reason && account.state !== "active" && el("p", { class: "problem" }, account.state_reason),
    account.gateway_paused_until && paused(account),
    facts([
      ["Since (UTC)", time(account.state_changed_at)],
      ["By", account.state_changed_by],
      ["Live orders", String(account.live_orders)],
      ["Without a known outcome", String(account.unresolved_orders)],
      ["Connection", account.connection_id],
      ["DAGs", account.dag_ids.join(", ")],
    ]),
    account.breaks.length > 0 && breakList(account.breaks),
    act(account, changed),
    account.may_resume && corrections(account, changed),
    el("details", { ontoggle: (event) => event.target.open && books(account, event.target) }, el("summary", {}, "Books and history")),
  );
}

function paused(account) {
  if (Date.parse(account.gateway_paused_until) <= Date.now()) return null;
  return el("p", {}, `Nothing is sent to the venue until ${time(account.gateway_paused_until)} UTC: ${account.pause_reason}`);
}

function breakList(breaks) {
  return el(
    "div",
    {},
    el("h4", {}, "Open breaks"),
    el("ul", {}, breaks.map((found) => el("li", {}, `${found.id} ${found.kind}: ${found.message}`))),
  );
}

function act(account, changed) {
  const stopped = account.state === "halted" || account.breaks.length > 0;
  if (stopped && account.may_resume) return form(account, "Resume", resume, changed);
  if (!stopped && account.may_halt) return form(account, "Halt", halt, changed);
  return el("p", { class: "quiet" }, `You may not ${stopped ? "resume" : "halt"} this account.`);
}

// What a person may put right of what a strategy holds; the API says what of it is needed and what is refused.
const KINDS = [
  ["ratio", "split, such as 10 or 1/3"],
  ["quantity", "signed shares held; 0 writes them off"],
  ["rename", "new symbol"],
  ["move_from", "strategy that held it before"],
  ["fill", "order, shares and price of a late fill"],
  ["undo", "number of the correction to undo"],
];

function corrections(account, changed) {
  const field = (label, attributes = {}) => el("input", { type: "text", maxlength: 200, "aria-label": label, placeholder: label, ...attributes });
  const strategy = field("Strategy");
  const symbol = field("Symbol");
  const kind = el("select", { "aria-label": "Kind of correction" }, KINDS.map(([name, words]) => el("option", { value: name }, `${name}: ${words}`)));
  const value = field("Value", { required: true });
  const reason = field("Reason to correct", { required: true, maxlength: 1000 });
  const against = el("input", { type: "checkbox" });
  const answer = el("p", { role: "status" });
  return el(
    "details",
    {},
    el("summary", {}, "Correct what a strategy holds"),
    el(
      "form",
      {
        onsubmit: async (event) => {
          event.preventDefault();
          try {
            const body = { reason: reason.value, against_gateway: against.checked, [kind.value]: asked(kind.value, value.value) };
            if (strategy.value) body.strategy_id = strategy.value;
            if (symbol.value) body.symbol = symbol.value;
            const done = await post(`/accounts/${encodeURIComponent(account.account)}/correct`, body);
            const words = done.holdings.map((each) => `${each.strategy_id} holds ${number(each.after)} ${each.symbol}, was ${number(each.before)}`);
            answer.replaceChildren([`Correction ${done.id} is stored.`, ...words].join(" "));
            value.value = "";
            reason.value = "";
            await changed(false);
          } catch (error) {
            answer.replaceChildren(el("span", { class: "problem" }, error.message));
          }
        },
      },
      strategy,
      symbol,
      kind,
      value,
      reason,
      el("label", { class: "inline" }, against, " also against the venue's position"),
      el("button", { type: "submit" }, "Correct"),
      answer,
    ),
  );
}

function asked(kind, text) {
  if (kind === "undo") return Number(text);
  if (kind !== "fill") return text;
  const [order, quantity, price] = text.trim().split(/[\s,]+/);
  return { client_order_id: order ?? "", quantity: quantity ?? "", price: price ?? "" };
}

function form(account, word, send, changed) {
  const id = `reason-${account.account}`;
  const reason = el("textarea", { id, required: true, rows: 2, maxlength: 1000 });
  const cancel = el("input", { type: "checkbox" });
  const answer = el("p", { role: "status" });
  const button = el("button", { type: "submit", class: word.toLowerCase() }, word);
  return el(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        button.disabled = true;
        try {
          const words = await send(account, reason.value, cancel.checked);
          reason.value = "";
          await changed();
          document.querySelector(`[data-account="${CSS.escape(account.account)}"] [role=status]`)?.replaceChildren(words);
        } catch (error) {
          answer.replaceChildren(el("span", { class: "problem" }, error.message));
        }
        button.disabled = false;
      },
    },
    el("label", { for: id }, `Reason to ${word.toLowerCase()}`),
    reason,
    word === "Halt" && el("label", { class: "inline" }, cancel, " also cancel open orders"),
    word === "Resume" && account.breaks.length > 0 && el("p", {}, "The reason settles all open breaks above."),
    button,
    answer,
  );
}

async function halt(account, reason, cancelOpen) {
  const path = `/accounts/${encodeURIComponent(account.account)}/halt`;
  const { cancellations } = await post(path, { reason, cancel_open: cancelOpen });
  const words = cancellations.map((order) => `${order.symbol}: ${order.done ? "done" : "not done"}, ${order.words}`);
  return ["Halted.", ...words].join(" ");
}

async function resume(account, reason) {
  const path = `/accounts/${encodeURIComponent(account.account)}/resume`;
  const { account: now } = await post(path, { reason, breaks: account.breaks.map((found) => found.id) });
  return `Resumed: it is ${now.state}.`;
}

async function books(account, place) {
  const found = await get(`/accounts/${encodeURIComponent(account.account)}`);
  const holdings = new Table({
    caption: `Holdings; the venue was asked ${time(found.asked_at)} UTC`,
    columns: [
      { title: "Symbol", value: (row) => row.symbol },
      { title: "Venue", number: true, value: (row) => Number(row.gateway), cell: (row) => number(row.gateway) },
      { title: "Our fills", number: true, value: (row) => Number(row.fills), cell: (row) => number(row.fills) },
      { title: "Adopted", number: true, value: (row) => Number(row.baseline), cell: (row) => number(row.baseline) },
    ],
  });
  holdings.update(found.holdings);
  const events = el(
    "ol",
    { class: "timeline", "aria-label": "What was done to the account" },
    found.events.map((event) =>
      el("li", {}, el("time", { datetime: event.at }, time(event.at)), ` ${event.from_state} → ${event.to_state} `, el("span", { class: "quiet" }, `${event.actor}: ${event.reason}`)),
    ),
  );
  place.replaceChildren(place.firstElementChild, holdings.node, events);
}
