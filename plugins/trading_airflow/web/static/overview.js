// The nav page: what comes next, the accounts with their halt button, alerts, runs, exposure and turnover.

import "./theme.js";
import { accountCard } from "./accounts.js";
import { alertList } from "./alerts.js";
import { get } from "./api.js";
import { badge, el, number, show, showProblem, time } from "./dom.js";
import { plot } from "./plot.js";
import { Table } from "./table.js";

const POLL_MILLISECONDS = 10000;
const NEWEST = 20;

const strategyTable = new Table({
  caption: "Strategies",
  columns: [
    { title: "Strategy", value: (row) => row.title ?? row.strategy_id },
    { title: "Mode", value: (row) => row.mode, cell: (row) => badge(row.mode) },
    { title: "Next run (UTC)", value: (row) => row.next_run_at, cell: nextRun },
    { title: "Session", value: (row) => row.session_date },
    { title: "Open (UTC)", value: (row) => row.session_opens, cell: (row) => `${row.session_opens.slice(11, 16)} to ${row.session_closes.slice(11, 16)}` },
    { title: "Symbols", number: true, value: (row) => row.symbols },
    { title: "Account", value: (row) => row.account },
    { title: "DAG", value: (row) => row.dag_id },
  ],
});

async function strategies() {
  const found = (await get("/strategies")).strategies;
  strategyTable.update(found);
  show("strategies", found.length ? strategyTable.node : el("p", {}, "The strategies file has none."));
}

function nextRun(strategy) {
  if (strategy.paused === null) return el("span", { class: "problem" }, "Airflow has not read the DAG");
  const due = strategy.next_run_at ? time(strategy.next_run_at, 16) : "only by hand";
  return strategy.paused ? [due, " ", badge("paused", "warning")] : due;
}

function drawCheck({ findings, ready, checked_at: at }) {
  const blockers = findings.filter((finding) => finding.next_step);
  const table = new Table({
    caption: "What was found",
    columns: [
      { title: "Subject", value: (row) => row.subject },
      { title: "What", value: (row) => row.name },
      { title: "Finding", wide: true, value: (row) => row.value },
      { title: "What to do", wide: true, value: (row) => row.next_step },
    ],
  });
  table.update(findings);
  show(
    "check",
    el(
      "p",
      {},
      ready ? badge("ready", "completed") : badge(`${blockers.length} to do`, "failed"),
      ready ? " Nothing would stop the next run." : " before the next run:",
      el("span", { class: "quiet" }, ` Checked ${time(at)} UTC.`),
    ),
    !ready &&
      el(
        "ul",
        { id: "blockers" },
        blockers.map((finding) =>
          el("li", {}, el("strong", {}, `${finding.subject}, ${finding.name}: `), `${finding.value}. `, el("em", {}, finding.next_step)),
        ),
      ),
    el("details", {}, el("summary", {}, `All ${findings.length} findings`), table.node),
  );
}

// A refresh throws no half-written reason away.
function writing(place) {
  const fields = [...place.querySelectorAll("textarea, input[type=text]")];
  return fields.some((field) => field.value) || place.contains(document.activeElement);
}

let known = null;

async function accounts() {
  const place = document.getElementById("accounts");
  if (writing(place)) return;
  const found = (await get("/accounts")).accounts;
  // The answer may come after a person began to write.
  if (writing(place)) return;
  // Another person, or the watchdog, may have stopped or resumed one meanwhile.
  const states = JSON.stringify(found.map((account) => [account.account, account.state, account.breaks.length]));
  if (known !== null && known !== states) tryCheck();
  known = states;
  place.replaceChildren(...(found.length ? found.map((account) => accountCard(account, redrawAccounts)) : [el("p", {}, "No account yet.")]));
}

// redraw: not where the card itself says what came of the act.
async function redrawAccounts(redraw = true) {
  askAgain();
  if (!redraw) return alerts();
  document.activeElement?.blur();
  document.querySelectorAll("#accounts textarea, #accounts input[type=text]").forEach((area) => {
    area.value = "";
  });
  return Promise.all([accounts(), alerts()]);
}

// What was said before an act is not true any more: it goes at once, and the answer comes when it is there.
function askAgain() {
  show("check", el("p", { class: "quiet" }, "Checking what the next run needs …"));
  tryCheck();
  attempt(strategies);
}

async function alerts() {
  const place = document.getElementById("alerts");
  if (writing(place)) return;
  const { alerts: found, may_act: mayAct } = await get("/alerts");
  if (writing(place)) return;
  const opened = new Set([...place.querySelectorAll("li:has(details[open])")].map((item) => item.dataset.alert));
  show("alerts", found.length ? alertList(found, mayAct && alerts) : el("p", { class: "quiet" }, "None."));
  for (const item of place.querySelectorAll("li")) {
    if (opened.has(item.dataset.alert)) item.querySelector("details")?.setAttribute("open", "");
  }
}

const runTable = new Table({
  caption: "Latest runs, newest first",
  columns: [
    { title: "Session", value: (run) => run.session_date, cell: (run) => el("a", { href: pageOf(run) }, run.session_date) },
    { title: "Strategy", value: (run) => run.strategy_id },
    { title: "Status", value: (run) => run.status, cell: (run) => badge(run.status) },
    { title: "Mode", value: (run) => run.mode },
    { title: "Signals", number: true, value: (run) => run.num_signals },
    { title: "Orders", number: true, value: (run) => run.num_orders_planned },
    { title: "Acknowledged", number: true, value: (run) => run.num_orders_accepted },
    { title: "Filled", number: true, value: (run) => run.num_orders_filled },
    { title: "Rejected", number: true, value: (run) => run.num_orders_rejected },
    { title: "Started (UTC)", value: (run) => run.started_at, cell: (run) => time(run.started_at) },
    { title: "Seconds", number: true, value: (run) => Number(run.duration_seconds ?? 0), cell: (run) => number(run.duration_seconds, 1) },
    { title: "Kind", value: (run) => run.run_type },
  ],
});

function pageOf(run) {
  return `run?${new URLSearchParams({ dag_id: run.dag_id, run_id: run.airflow_run_id })}`;
}

async function runs() {
  const { runs: found, total } = await get("/runs", { limit: NEWEST });
  if (!total) {
    show("runs", el("p", { class: "quiet" }, "No run yet: trigger the DAG."));
    return;
  }
  if (!runTable.node.isConnected) show("runs", runTable.node, el("p", { class: "quiet", id: "run-total" }));
  document.getElementById("run-total").textContent = `${found.length} of ${total}`;
  runTable.update(found);
}

async function history() {
  const { points } = await get("/history");
  if (!points.length) {
    show("history", el("p", { class: "quiet" }, "No session was traded yet."));
    return;
  }
  const series = Map.groupBy(points, (point) => `${point.strategy_id}, ${point.mode} on ${point.account}`);
  show("history", ...[...series].map(([name, found]) => plots(name, found)));
}

function plots(name, points) {
  const days = points.map((point) => point.session_date);
  const values = (field) => points.map((point) => Number(point[field]));
  return el(
    "div",
    { class: "plots" },
    plot({
      title: `Exposure of ${name}, USD`,
      days,
      series: [
        { label: "Gross", values: values("gross"), colour: "--blue" },
        { label: "Net", values: values("net"), colour: "--orange" },
        { label: "Capital", values: values("capital"), colour: "--grey" },
      ],
    }),
    plot({
      title: `Turnover of ${name}, USD a session`,
      days,
      series: [{ label: "Turnover", values: values("turnover"), colour: "--blue", bars: true }],
    }),
  );
}

let asked = 0;

// Only the newest question is answered: an older one's answer may come later.
async function tryCheck() {
  asked += 1;
  const mine = asked;
  try {
    const found = await get("/check");
    if (mine === asked) drawCheck(found);
  } catch (error) {
    if (mine === asked) show("check", el("p", { class: "problem" }, `The check failed: ${error.message}`));
  }
}

async function attempt(...loads) {
  const done = await Promise.allSettled(loads.map((load) => load()));
  const failed = done.find((each) => each.status === "rejected");
  showProblem(failed ? failed.reason : null);
}

async function refresh() {
  await attempt(accounts, alerts, runs);
  setTimeout(refresh, POLL_MILLISECONDS);
}

refresh();
attempt(strategies, history);
tryCheck();
