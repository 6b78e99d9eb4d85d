// What a person on duty may do to an account. Every act needs a reason, which is kept; each answers in words.

import { post } from "./api.js";
import { el } from "./dom.js";
import { field, form, tick } from "./forms.js";
import { number } from "./format.js";

// What the ledger keeps as the address of an account without a gateway.
export const RELEASED = "released";
const path = (account) => `/accounts/${encodeURIComponent(account.account)}`;
const reasonTo = (words) => field(`Reason to ${words}`, { required: true, maxlength: 1000 });

export function isStopped(account) {
  return account.state === "halted" || account.state === "reduce_only" || account.breaks.length > 0;
}

// Halt where it trades, resume where it does not; words where the user may not.
export function stopOrGo(account, done) {
  if (isStopped(account)) return [resume(account, done), account.state === "reduce_only" && halt(account, done)];
  return halt(account, done);
}

function halt(account, done) {
  if (!account.may_halt) return el("p", { class: "quiet" }, "You may not halt this account.");
  const reason = reasonTo("halt");
  const cancel = tick("also cancel open orders");
  return form({
    label: `Halt ${account.account}`,
    fields: [reason, cancel],
    buttons: [["Halt", "halt"]],
    send: async () => {
      const { cancellations } = await post(`${path(account)}/halt`, { reason: reason.value, cancel_open: cancel.value });
      const words = cancellations.map((order) => `${order.symbol}: ${order.done ? "done" : "not done"}, ${order.words}.`);
      return [`Account ${account.account} is halted.`, ...words].join(" ");
    },
    done,
  });
}

export function resume(account, done) {
  if (!account.may_resume) return el("p", { class: "quiet" }, "You may not resume this account.");
  const reason = reasonTo("resume");
  return el(
    "div",
    {},
    account.breaks.length > 0 && el("p", {}, "The reason settles all open breaks above."),
    form({
      label: `Resume ${account.account}`,
      fields: [reason],
      buttons: [["Resume", "resume"]],
      send: async () => {
        const breaks = account.breaks.map((found) => found.id);
        const { account: now } = await post(`${path(account)}/resume`, { reason: reason.value, breaks });
        return `Account ${account.account} is ${now.state.replace("_", " ")}.`;
      },
      done,
    }),
  );
}

// What a person may put right of what a strategy holds; the API says what of it is needed and what is refused.
const KINDS = [
  ["ratio", "Split: new shares for old, such as 10 or 1/3"],
  ["quantity", "Shares held: signed; 0 writes them off"],
  ["rename", "Renamed: the new symbol"],
  ["move_from", "Moved: the strategy that held it before"],
  ["fill", "Late fill: order, shares and price"],
  ["undo", "Undo: the correction's number"],
];

// given: {strategy_id, symbol, kind, value}, what the form begins with
export function correct(account, done, given = {}) {
  const strategy = field("Strategy", { value: given.strategy_id ?? "" });
  const symbol = field("Symbol", { maxlength: 15, value: given.symbol ?? "" });
  const kind = field("What to put right", { choices: KINDS });
  const value = field("Value", { required: true, value: given.value ?? "" });
  const reason = reasonTo("correct");
  const against = tick("also against the venue's position");
  if (given.kind) kind.value = given.kind;
  return form({
    label: "Correct a holding",
    fields: [strategy, symbol, kind, value, reason, against],
    buttons: [["Correct"]],
    send: async () => {
      const body = { reason: reason.value, against_gateway: against.value, [kind.value]: asked(kind.value, value.value) };
      if (strategy.value) body.strategy_id = strategy.value;
      if (symbol.value) body.symbol = symbol.value;
      const made = await post(`${path(account)}/correct`, body);
      const words = made.holdings.map((each) => `${each.strategy_id} holds ${number(each.after)} ${each.symbol}, was ${number(each.before)}.`);
      return [`Correction ${made.id} is stored.`, ...words].join(" ");
    },
    done,
  });
}

function asked(kind, text) {
  if (kind === "undo") return Number(text);
  if (kind !== "fill") return text;
  const [order, quantity, price] = text.trim().split(/[\s,]+/);
  return { client_order_id: order ?? "", quantity: quantity ?? "", price: price ?? "" };
}

export function adopt(account, done, given = {}) {
  const symbol = field("Symbol", { required: true, maxlength: 15, value: given.symbol ?? "" });
  const quantity = field("Signed shares (empty: all that our books leave over)", { inputmode: "decimal" });
  const reason = reasonTo("adopt");
  const notOurs = tick("a strategy holds the symbol too, and these are not its shares");
  return form({
    label: "Adopt a position",
    fields: [symbol, quantity, reason, notOurs],
    buttons: [["Adopt"]],
    send: async () => {
      const body = { symbol: symbol.value, reason: reason.value, not_ours: notOurs.value };
      if (quantity.value) body.quantity = quantity.value;
      const made = await post(`${path(account)}/adopt`, body);
      return `${number(made.baseline)} ${made.symbol} of account ${made.account} are not ours; before it was ${number(made.baseline_before)}.`;
    },
    done,
  });
}

const OUTCOMES = [
  ["filled", "filled (with its shares and price)"],
  ["canceled", "canceled"],
  ["expired", "expired"],
  ["rejected", "rejected"],
  ["not_sent", "never arrived"],
];

export function settle(account, orders, done) {
  const order = field("Order", { choices: orders.map((each) => [each.client_order_id, `${each.symbol} ${each.side} ${number(each.quantity)}`]) });
  const outcome = field("What became of it", { choices: OUTCOMES });
  const quantity = field("Shares filled in all", { inputmode: "decimal" });
  const price = field("Average price, USD", { inputmode: "decimal" });
  const reason = reasonTo("settle");
  const silent = tick("also when the gateway gives no answer about it");
  return form({
    label: "Settle an order",
    fields: [order, outcome, quantity, price, reason, silent],
    buttons: [["Settle"]],
    send: async () => {
      const body = { client_order_ids: [order.value], outcome: outcome.value, reason: reason.value, gateway_silent: silent.value };
      if (quantity.value) body.quantity = quantity.value;
      if (price.value) body.price = price.value;
      const made = await post(`${path(account)}/settle`, body);
      const words = made.orders.map((each) => `${each.symbol}: ${each.settled ? "settled" : "not settled"}, ${each.words}`).join(" ");
      // What was written stays, to be sent again once what the answer asks for is done.
      if (!made.orders.some((each) => each.settled)) throw new Error(words);
      return words;
    },
    done,
  });
}

export function rebind(account, done) {
  const whose = field("The broker's account behind the connection is", {
    choices: [
      ["same", "the same one: the gateway moved"],
      ["another", "another one: no live orders, nothing held"],
    ],
  });
  const reason = reasonTo("rebind");
  return form({
    label: "Rebind the account",
    fields: [whose, reason],
    buttons: [["Rebind"]],
    send: async () => {
      const made = await post(`${path(account)}/rebind`, { same_account: whose.value === "same", reason: reason.value });
      const ended = made.not_sent.length ? ` ${made.not_sent.length} planned orders are not sent.` : "";
      if (made.gateway.address === RELEASED) {
        return `Account ${account.account} ${made.changed ? "was taken" : "is, as before,"} off its gateway.${ended}`;
      }
      const where = made.gateway.address ?? "no gateway yet: the first contact decides";
      return `Account ${account.account} ${made.changed ? "now belongs" : "belongs, as before,"} to ${where}.${ended}`;
    },
    done,
  });
}
