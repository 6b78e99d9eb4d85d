// The tab of a DAG run: its funnel, every symbol's story, every order's timeline.

import "./theme.js";
import { alertList } from "./alerts.js";
import { get } from "./api.js";
import { badge, el, facts, NONE, number, percent, show, showProblem, time } from "./dom.js";
import { Table } from "./table.js";

const POLL_MILLISECONDS = 2000;
const { dagId, airflowRunId, ours } = document.getElementById("run").dataset;
// Where an order's state says all there is to say.
const GOING_WELL = ["sending", "open", "filled", "dry_run"];
const asNumber = (text) => (text === null || text === undefined ? null : Number(text));

let chosen = null;
let symbols = null;
let stories = new Map();

async function load() {
  const { runs } = await get("/runs", { dag_id: dagId, airflow_run_id: airflowRunId, limit: 50 });
  if (!runs.length) {
    const { words } = ours === "yes" ? await get("/refusal", { dag_id: dagId, airflow_run_id: airflowRunId }) : { words: null };
    if (words) showRefusal(words);
    else showNothing();
    return ours === "yes" && !words;
  }
  const run = runs.find((each) => each.run_id === chosen) ?? runs[0];
  const result = await get(`/runs/${run.run_id}`);
  draw(result, runs);
  const open = result.orders.some((order) => order.final_at === null);
  return result.run.status === "running" || open;
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

function draw({ run, mappings, orders, alerts }, runs) {
  const byId = new Map(orders.map((order) => [order.client_order_id, order]));
  stories = byId;
  // The line above says what the note that a run ended says.
  const serious = alerts.filter((alert) => alert.severity !== "info");
  const rows = mappings.map((mapping) => ({ ...mapping, order: byId.get(mapping.client_order_id) ?? null }));
  symbols ??= symbolTable();
  symbols.update(rows);
  show(
    "content",
    el("h1", {}, `${run.strategy_id}, session ${run.session_date} `, badge(run.status)),
    chooser(runs, run),
    el("p", { class: "summary" }, run.summary ?? underWay(run)),
    run.error_message && el("p", { class: "problem" }, run.error_message),
    about(run),
    funnel(run),
    serious.length > 0 && el("section", {}, el("h2", {}, "Alerts"), alertList(serious)),
    el("section", {}, el("h2", {}, "Every symbol's story"), symbols.node),
  );
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
            symbols = null;
            refresh();
          },
        },
        `${each.run_type}, ${time(each.started_at)}`,
      ),
    ),
  );
}

function about(run) {
  const mode = run.mode_reason ? `${run.mode} (${run.mode_reason})` : run.mode;
  return facts([
    ["Mode", mode],
    ["Account", run.account],
    ["Data of", run.as_of_date],
    ["Revision", revision(run)],
    ["Capital", run.capital ? `${number(run.capital, 0)} USD` : NONE],
    ...run.notes.map((note) => ["Note", note]),
    ["Model", run.model_version],
    ["Started (UTC)", time(run.started_at)],
    ["Ended (UTC)", time(run.completed_at)],
    ["Duration", run.duration_seconds ? `${number(run.duration_seconds, 1)} s` : NONE],
    ["Sends until (UTC)", time(run.send_until)],
    ["Run id", run.run_id],
  ]);
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
  return el(
    "section",
    {},
    el("h2", {}, "Funnel"),
    el(
      "ol",
      { class: "funnel", id: "funnel" },
      steps.map(([name, count]) =>
        el(
          "li",
          {},
          el("span", { class: "name" }, name),
          el("strong", {}, String(count)),
          el("progress", { max: most, value: count, "aria-label": name }),
        ),
      ),
    ),
    lost.length > 0 && el("p", {}, lost.map(([word, count]) => [badge(`${count} ${word}`, "failed"), " "])),
  );
}

function symbolTable() {
  const stateOf = (row) => row.order?.state ?? row.outcome;
  const answer = (row) => (GOING_WELL.includes(row.order?.state) ? null : (row.order?.message ?? row.order_error));
  const reasonOf = (row) => [answer(row), row.reason, row.detail].filter(Boolean).join(" ") || null;
  return new Table({
    caption: "Symbols",
    filter: true,
    key: (row) => (row.leg === 2 ? `${row.symbol} leg 2` : row.symbol),
    expand: story,
    columns: [
      { title: "Symbol", value: (row) => row.symbol, cell: (row) => (row.leg === 2 ? `${row.symbol} (leg 2)` : row.symbol) },
      { title: "State", value: stateOf, cell: (row) => badge(stateOf(row)) },
      {
        title: "Order",
        value: (row) => (row.order_qty === null ? null : `${row.order_side} ${row.order_qty}`),
        cell: (row) => (row.order_qty === null ? NONE : `${row.order_side} ${number(row.order_qty)}`),
      },
      { title: "Filled", number: true, value: (row) => asNumber(row.order?.filled_quantity), cell: (row) => number(row.order?.filled_quantity) },
      { title: "At USD", number: true, value: (row) => asNumber(row.order?.filled_avg_price), cell: (row) => number(row.order?.filled_avg_price, 2) },
      { title: "Rank", number: true, value: (row) => row.rank },
      { title: "Weight", number: true, value: (row) => asNumber(row.target_weight), cell: (row) => percent(row.target_weight) },
      { title: "Held", number: true, value: (row) => asNumber(row.held_quantity), cell: (row) => number(row.held_quantity) },
      { title: "Target", number: true, value: (row) => asNumber(row.target_quantity), cell: (row) => number(row.target_quantity) },
      { title: "Change", number: true, value: (row) => asNumber(row.delta_quantity), cell: (row) => number(row.delta_quantity) },
      { title: "Price USD", number: true, value: (row) => asNumber(row.price), cell: (row) => number(row.price, 2) },
      { title: "Reason", wide: true, value: reasonOf },
    ],
  });
}

function story(row) {
  const order = stories.get(row.client_order_id);
  const refused = row.rules.filter((rule) => rule.outcome === "denied" || rule.outcome === "not_evaluable");
  return el(
    "div",
    { class: "story" },
    facts([
      ["Predicted return", percent(row.predicted_return, 3)],
      ["Price", row.price ? `${number(row.price, 4)} USD, ${row.price_source}, ${time(row.price_at)} UTC` : NONE],
      ["Working before", number(row.open_quantity)],
      ["Rules", rules(row.rules, refused)],
      ...(order ? orderFacts(order) : []),
    ]),
    order && timeline(order),
  );
}

function rules(all, refused) {
  if (!all.length) return "none was asked";
  if (!refused.length) return `${all.length} asked, none objected`;
  return refused
    .map((rule) => `${rule.code} ${rule.outcome}: ${rule.detail ?? `${rule.value} against ${rule.limit}`}`)
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
        el("time", { datetime: event.at }, time(event.at, 23)),
        " ",
        el("strong", {}, event.event.replaceAll("_", " ")),
        event.from_state && event.to_state !== event.from_state && ` ${event.from_state} → ${event.to_state}`,
        el("span", { class: "quiet" }, ` ${event.actor}`),
        details(event.detail, order),
      ),
    ),
  );
}

// What an event says besides what the order itself says.
function details(detail, order) {
  const said = Object.entries(detail).filter(([name, value]) => words(value) && words(value) !== words(order[name]));
  return said.length > 0 && el("span", { class: "detail" }, said.map(([name, value]) => `${name} ${words(value)}`).join(", "));
}

function words(value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(words).join("; ");
  if (typeof value === "object") return Object.entries(value).map(([name, each]) => `${name} ${words(each)}`).join(", ");
  return String(value);
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

async function follow() {
  if (await refresh()) setTimeout(follow, POLL_MILLISECONDS);
}

follow();
