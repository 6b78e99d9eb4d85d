// The tab of a DAG run: its funnel, every symbol's story, every order's timeline, and the plan against the one before.

import "./header.js";
import { alertList } from "./alerts.js";
import { get } from "./api.js";
import { badge, el, empty, facts, page, show, showProblem, symbolLink } from "./dom.js";
import { asNumber, missing, NONE, number, percent, plain, signed, time } from "./format.js";
import { accountLink } from "./lists.js";
import { compared } from "./shadows.js";
import { Table } from "./table.js";

const POLL_MILLISECONDS = 2000;
const { dagId, airflowRunId, ours } = document.getElementById("run").dataset;
// Where an order's state says all there is to say.
const GOING_WELL = ["sending", "open", "filled", "dry_run"];

let chosen = null;
let symbols = null;
let stories = new Map();
const NO_PLAN = { run_id: null, symbols: [] };
let previous = NO_PLAN;
// Which run's forerunner is known; a plan that is made meanwhile changes none.
let comparedFor = null;

async function load() {
  const { runs } = await get("/runs", { dag_id: dagId, airflow_run_id: airflowRunId, limit: 50 });
  if (!runs.length) {
    const { words } = ours === "yes" ? await get("/refusal", { dag_id: dagId, airflow_run_id: airflowRunId }) : { words: null };
    if (words) showRefusal(words);
    else showNothing();
    return ours === "yes" && !words;
  }
  const run = runs.find((each) => each.run_id === chosen) ?? runs[0];
  const [found, before] = await Promise.all([
    get(`/runs/${run.run_id}`),
    comparedFor === run.run_id ? previous : get(`/runs/${run.run_id}/previous`),
  ]);
  [previous, comparedFor] = [before, run.run_id];
  draw(found, runs);
  const open = found.orders.some((order) => order.final_at === null);
  return found.run.status === "running" || open;
}

function showNothing() {
  const words =
    ours === "yes"
      ? `Run ${airflowRunId} has written nothing to the ledger yet: its first task, fetch_signals, does.`
      : `This is not a trading run: the DAG ${dagId} trades no strategy.`;
  show("content", el("p", { id: "nothing" }, words));
}

function showRefusal(words) {
  show(
    "content",
    el("h1", {}, `Run ${airflowRunId} `, badge("refused", "failed")),
    el("p", { class: "summary" }, "The request was refused before it became a run; nothing was planned or sent."),
    el("p", { class: "problem", id: "refusal" }, words),
  );
}

// A run that is not closed may be at work, wait for a task's next try, or have lost all its tasks.
function underWay(run) {
  if (["success", "failed"].includes(run.airflow_state)) {
    return `No task works on the run any more: in Airflow it is ${run.airflow_state}. The watchdog closes it.`;
  }
  if (run.error_message) return "The run is not done: a task failed, and is tried again or waits for a person.";
  return "The run is under way.";
}

// Drawn once, and filled again and again: what a person writes or opens stays.
function places() {
  if (document.getElementById("about")) return;
  show(
    "content",
    el("div", { id: "head" }),
    el("p", { class: "summary", role: "status" }),
    el("p", { class: "problem", id: "run-error" }),
    el("section", { "aria-label": "Funnel" }, el("div", { id: "steps" })),
    el("div", { id: "run-alerts" }),
    el("div", { id: "about" }),
    el("div", { id: "origin" }),
    el("section", {}, el("h2", {}, "Every symbol's story"), el("p", { id: "against", class: "quiet" }), el("div", { id: "symbols" })),
    el("div", { id: "shadows" }),
  );
}

function draw({ run, mappings, orders, alerts, shadows }, runs) {
  places();
  const byId = new Map(orders.map((order) => [order.client_order_id, order]));
  stories = byId;
  // The line above says what the note that a run ended says.
  const serious = alerts.filter((alert) => alert.severity !== "info");
  const wanted = new Map(previous.symbols.map((each) => [each.symbol, each]));
  const rows = mappings.map((mapping) => ({ ...mapping, order: byId.get(mapping.client_order_id) ?? null, before: wanted.get(mapping.symbol) ?? null }));
  show("head", el("h1", {}, el("a", { href: page("strategy", { strategy: run.strategy_id }) }, run.strategy_id), `, session ${run.session_date} `, badge(run.status)), chooser(runs, run));
  const summary = document.querySelector(".summary");
  const words = run.summary ?? underWay(run);
  if (summary.textContent !== words) summary.textContent = words;
  document.getElementById("run-error").textContent = run.error_message ?? "";
  show("steps", funnel(run));
  show("run-alerts", serious.length > 0 && el("section", {}, el("h2", {}, "Alerts"), alertList(serious)));
  show("about", about(run));
  show("origin", origin(run.signal_origin));
  show("against", against(rows));
  // They are decided with the plan, and do not change after it.
  if (shadows?.length && !document.querySelector("#shadows *")) {
    show("shadows", el("section", {}, el("h2", {}, "Sizings compared"), compared({ symbols: mappings.filter((row) => row.leg === 1), shadows })));
  }
  symbols ??= symbolTable();
  if (rows.length && !symbols.node.isConnected) show("symbols", symbols.node);
  if (!rows.length) show("symbols", empty("Nothing is decided yet: once map_orders has run, each symbol is here with its target, its order and the reason."));
  symbols.update(rows);
}

// How the plan differs from the session before's, by what each wanted to hold.
function against(rows) {
  if (!previous.run_id) return "It is the strategy's first plan: there is none before to compare with.";
  const targets = rows.filter((row) => row.leg === 1).map((row) => [Number(row.target_quantity ?? 0), Number(row.before?.target_quantity ?? 0)]);
  const count = (fits) => targets.filter(([now, then]) => fits(now, then)).length;
  const words = [
    [count((now, then) => then === 0 && now !== 0), "new"],
    [count((now, then) => then !== 0 && now === 0), "closed"],
    [count((now, then) => now * then < 0), "turned"],
    [count((now, then) => now * then > 0 && Math.abs(now) > Math.abs(then)), "larger"],
    [count((now, then) => now * then > 0 && Math.abs(now) < Math.abs(then)), "smaller"],
    [count((now, then) => now === then), "unchanged"],
  ].filter(([many]) => many > 0);
  return [
    "Targets against ",
    el("a", { href: page("run", queryOf(previous.links.airflow)) }, `session ${previous.session_date}`),
    `: ${words.map(([many, word]) => `${many} ${word}`).join(", ") || "none"}.`,
  ];
}

// The DAG run that a path of Airflow's UI leads to.
function queryOf(path) {
  const [, dag, run] = /\/dags\/([^/]+)\/runs\/([^/]+)$/.exec(path);
  return { dag_id: decodeURIComponent(dag), run_id: decodeURIComponent(run) };
}

// A backfill that reprocesses a run is another row of the ledger: both are there to look at.
function chooser(runs, run) {
  if (runs.length < 2) return null;
  return el(
    "p",
    { class: "tools" },
    "This DAG run was run more than once: ",
    runs.map((each) =>
      el(
        "button",
        {
          type: "button",
          "aria-pressed": String(each.run_id === run.run_id),
          onclick: () => {
            chosen = each.run_id;
            follow();
          },
        },
        each.run_type, ", ", time(each.started_at, "second"),
      ),
    ),
  );
}

function about(run) {
  const mode = run.mode_reason ? `${plain(run.mode)} (${run.mode_reason})` : plain(run.mode);
  return facts([
    ["Mode", mode],
    ["Account", accountLink(run.account)],
    ["Data of", run.as_of_date],
    ["Revision", revision(run)],
    ["Capital", run.capital ? `${number(run.capital)} USD` : NONE],
    ...run.notes.map((note) => ["Note", note]),
    ["Model", run.model_version],
    ["Started", time(run.started_at, "second")],
    ["Ended", time(run.completed_at, "second")],
    ["Took", run.duration_seconds ? `${number(run.duration_seconds, 1)} s` : NONE],
    ["Sends until", time(run.send_until, "second")],
    ["Run id", run.run_id],
  ]);
}

// Where the signals came from, so that a person can find them again.
function origin(from) {
  if (!from?.source) return null;
  return el(
    "section",
    {},
    el("h2", {}, "Signals from"),
    from.changed && el("p", { class: "problem" }, `They changed after the plan was frozen, and are not traded: ${from.changed}`),
    from.hindsight && el("p", { class: "quiet" }, "Nothing says that they were known on that day: a replay may look ahead."),
    facts([
      ["Source", from.source],
      ["Of the day by", from.dated],
      ["Rows", number(from.rows)],
      ["Made", time(from.modified_at, "second")],
      ["Age when read", age(from.age_seconds)],
      ["SHA-256", from.sha256 ? el("span", { title: from.sha256 }, from.sha256.slice(0, 16)) : NONE],
    ]),
  );
}

function age(seconds) {
  if (missing(seconds)) return NONE;
  const value = Number(seconds);
  if (value < 120) return `${number(value, 0)} s`;
  if (value < 7200) return `${number(value / 60, 0)} min`;
  return value < 172800 ? `${number(value / 3600, 1)} h` : `${number(value / 86400, 1)} days`;
}

function revision(run) {
  if (run.adopted) return `${run.revision}, adopted plan`;
  return run.revision > 1 ? `${run.revision}: the session was traded before, this run trades it again` : "1";
}

function funnel(run) {
  const steps = [
    ["Signals", run.num_signals],
    ["Orders planned", run.num_orders_planned],
    ["Sent", run.num_orders_submitted],
    ["Acknowledged", run.num_orders_accepted],
    ["Filled", run.num_orders_filled],
  ];
  const most = Math.max(1, ...steps.map(([, count]) => count));
  const lost = [
    ["rejected", run.num_orders_rejected],
    ["denied", run.num_orders_denied],
    ["not sent", run.num_orders_not_sent],
    ["unknown", run.num_orders_unknown],
  ].filter(([, count]) => count > 0);
  return [
    el(
      "ol",
      { class: "funnel", id: "funnel" },
      steps.map(([name, count]) =>
        el("li", {}, el("span", { class: "name" }, name), el("strong", {}, String(count)), el("progress", { max: most, value: count, "aria-label": name })),
      ),
    ),
    lost.length > 0 && el("p", {}, lost.map(([word, count]) => [badge(`${count} ${word}`, "failed"), " "])),
  ];
}

function symbolTable() {
  const stateOf = (row) => row.order?.state ?? row.outcome;
  const answer = (row) => (GOING_WELL.includes(row.order?.state) ? null : (row.order?.message ?? row.order_error));
  const reasonOf = (row) => [answer(row), row.reason, row.detail, BOUND[row.bound]].filter(Boolean).join(" ") || null;
  return new Table({
    caption: "Symbols",
    filter: true,
    key: (row) => (row.leg === 2 ? `${row.symbol} leg 2` : row.symbol),
    expand: story,
    columns: [
      { title: "Symbol", value: (row) => row.symbol, cell: (row) => [symbolLink(row.symbol), row.leg === 2 && " (leg 2)"] },
      { title: "State", value: stateOf, cell: (row) => badge(stateOf(row)) },
      {
        title: "Order",
        value: (row) => (row.order_qty === null ? null : `${row.order_side} ${row.order_qty}`),
        cell: (row) => (row.order_qty === null ? NONE : `${row.order_side} ${number(row.order_qty)}`),
      },
      { title: "Filled", number: true, value: (row) => asNumber(row.order?.filled_quantity), cell: (row) => number(row.order?.filled_quantity) },
      { title: "At, USD", number: true, value: (row) => asNumber(row.order?.filled_avg_price), cell: (row) => number(row.order?.filled_avg_price, 2) },
      { title: "Cost, USD", number: true, value: (row) => cost(row.order), cell: (row) => number(cost(row.order), 2) },
      { title: "Rank", number: true, value: (row) => row.rank },
      { title: "Weight", number: true, value: (row) => asNumber(row.target_weight), cell: (row) => percent(row.target_weight) },
      { title: "Held", number: true, value: (row) => asNumber(row.held_quantity), cell: (row) => number(row.held_quantity) },
      { title: "Target", number: true, value: (row) => asNumber(row.target_quantity), cell: (row) => number(row.target_quantity) },
      { title: "Target before", optional: true, number: true, value: (row) => asNumber(row.before?.target_quantity), cell: (row) => number(row.before?.target_quantity) },
      { title: "Price, USD", number: true, value: (row) => asNumber(row.price), cell: (row) => number(row.price, 2) },
      { title: "Why", wide: true, value: reasonOf },
    ],
  });
}

// Why a target is not the signal's weight times the capital.
const BOUND = {
  side_conflict: "The sizing wanted the opposite side to the signal's, so none is held.",
  volatility_target: "Sized by the volatility target.",
  gross: "Sized by the limit of longs and shorts together.",
  cap: "Sized by the most that one position may be.",
  liquidity: "Sized by how much of the symbol is traded a day.",
  lot: "Rounded to what can be ordered.",
};

// What the fills cost more than the plan's price, in USD; below zero, less.
function cost(order) {
  if (missing(order?.filled_avg_price)) return null;
  const more = (Number(order.filled_avg_price) - Number(order.price)) * Number(order.filled_quantity);
  return order.side === "buy" ? more : -more;
}

function story(row) {
  const order = stories.get(row.client_order_id);
  const refused = row.rules.filter((rule) => rule.outcome === "denied" || rule.outcome === "not_evaluable");
  return el(
    "div",
    { class: "story" },
    facts([
      ["Predicted return", percent(row.predicted_return, 3)],
      ["Signal's own weight", percent(row.signal_weight ?? row.target_weight)],
      ["Price", row.price ? [`${number(row.price)} USD, ${row.price_source}, `, time(row.price_at, "second")] : NONE],
      ["Wanted change", row.delta_quantity === null ? NONE : `${signed(row.delta_quantity)} shares`],
      ["Worth", worth(row)],
      ["Working before", number(row.open_quantity)],
      ["Weight before", percent(row.before?.target_weight)],
      ["Rules", rules(row.rules, refused)],
      ...(order ? orderFacts(order) : []),
    ]),
    order && timeline(order),
  );
}

function worth(row) {
  if (missing(row.price) || missing(row.target_quantity)) return NONE;
  return `${number(Number(row.price) * Number(row.target_quantity), 2)} USD at its target`;
}

function rules(all, refused) {
  if (!all.length) return "none was asked";
  if (!refused.length) return `${all.length} asked, none objected`;
  return refused
    .map((rule) => `${plain(rule.code)} ${plain(rule.outcome)}: ${rule.detail ?? `${worded(rule.value)} against ${worded(rule.limit)}`}`)
    .join("; ");
}

function orderFacts(order) {
  return [
    ["Client order id", order.client_order_id],
    ["Broker's id", order.broker_order_id],
    ["Venue's word", order.gateway_status],
    ["Tries", String(order.attempt)],
  ];
}

function timeline(order) {
  return el(
    "ol",
    { class: "timeline", "aria-label": `Timeline of ${order.client_order_id}` },
    order.events.map((event) =>
      el(
        "li",
        {},
        time(event.at, "precise"),
        " ",
        el("strong", {}, plain(event.event)),
        event.from_state && event.to_state !== event.from_state && ` ${plain(event.from_state)} → ${plain(event.to_state)}`,
        el("span", { class: "quiet" }, ` ${event.actor}`),
        details(event.detail, order),
      ),
    ),
  );
}

// What an event says besides what the order itself says.
function details(detail, order) {
  const said = Object.entries(detail).filter(([name, value]) => words(value) && words(value) !== words(order[name]));
  return said.length > 0 && el("span", { class: "detail" }, said.map(([name, value]) => `${plain(name)} ${words(value)}`).join(", "));
}

function words(value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(words).join("; ");
  if (typeof value === "object") return Object.entries(value).map(([name, each]) => `${plain(name)} ${words(each)}`).join(", ");
  return worded(value);
}

// A number without zeros at its end; anything else as it is.
function worded(value) {
  return /^-?\d+\.\d+$/.test(String(value)) ? number(String(value)) : String(value);
}

async function refresh() {
  let again = true;
  try {
    again = await load();
    showProblem(null);
  } catch (error) {
    showProblem(error);
    // A user who may not read it may not in two seconds either.
    again = ![401, 403].includes(error.status);
    if (!again) showNothing();
  }
  return again;
}

let following = 0;

// A run that is looked at now is followed; what was followed before is not.
async function follow() {
  following += 1;
  const mine = following;
  while ((await refresh()) && mine === following) await new Promise((done) => setTimeout(done, POLL_MILLISECONDS));
}

follow();
