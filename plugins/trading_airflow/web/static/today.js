// The nav page: what needs a person, the next run and what would stop it, the result, open orders, positions, runs.

import "./header.js";
import { isStopped, resume, stopOrGo } from "./accountActs.js";
import { alertBody } from "./alerts.js";
import { get } from "./api.js";
import { badge, el, empty, facts, page, show, symbolLink, writing } from "./dom.js";
import { inWords, NONE, plain, time } from "./format.js";
import { accountLink, orderTable, positionTable, runTable } from "./lists.js";
import { proposals } from "./proposals.js";
import { attempt, every, Newest, say } from "./refresh.js";
import { resultCards } from "./results.js";

const POLL_MILLISECONDS = 10000;
// Said by the account's own entry.
const OF_ACCOUNT = ["account_state", "break", "gateway_mode"];

// ── what needs a person ──

async function needs() {
  const place = document.getElementById("needs");
  if (writing(place)) return;
  const [{ accounts }, { alerts, total, may_act: mayAct }, { actions }] = await Promise.all([
    get("/accounts"),
    get("/alerts"),
    get("/corporate-actions"),
  ]);
  // Another person, or the watchdog, may have stopped or resumed one meanwhile.
  const states = JSON.stringify(accounts.map((account) => [account.account, account.state, account.breaks.length]));
  if (known !== null && known !== states) check.again();
  known = states;
  drawAccounts(accounts);
  // The answer may come after a person began to write.
  if (writing(place)) return;
  const opened = new Set([...place.querySelectorAll("li:has(details[open])")].map((item) => item.dataset.need));
  const serious = alerts.filter((alert) => alert.severity !== "info");
  const notes = alerts.filter((alert) => alert.severity === "info");
  const stopped = accounts.filter(isStopped);
  const rest = serious.filter((alert) => !(OF_ACCOUNT.includes(alert.kind) && stopped.some((each) => each.account === alert.account)));
  const done = mayAct && acted;
  const items = [
    ...stopped.map((account) => stoppedAccount(account, serious, done)),
    ...accounts.filter((each) => each.unresolved_orders > 0).map(unresolved),
    ...accounts.filter((each) => Date.parse(each.gateway_paused_until ?? 0) > Date.now()).map(paused),
    ...proposals(actions, acted),
    ...rest.map((alert) => need(`alert-${alert.id}`, alert.severity, el("div", { "data-alert": String(alert.id) }, alertBody(alert, done)))),
  ];
  show(
    "needs",
    items.length ? el("ul", { class: "needs" }, items) : el("p", { id: "nothing" }, badge("all clear", "completed"), " Nothing needs you."),
    notes.length > 0 &&
      el("details", { "data-need": "notes" }, el("summary", {}, `${notes.length} notes, for information`), el("ul", { class: "alerts" }, notes.map((note) => el("li", { "data-alert": String(note.id) }, alertBody(note, done))))),
    total > alerts.length && el("p", { class: "quiet" }, `${alerts.length} of ${total} open alerts are shown, the newest first.`),
  );
  for (const item of place.querySelectorAll("[data-need]")) {
    if (opened.has(item.dataset.need)) item.querySelector("details")?.setAttribute("open", "");
  }
}

let known = null;

function need(name, severity, ...children) {
  return el("li", { class: severity, "data-need": name }, children);
}

function stoppedAccount(account, alerts, done) {
  const words = { halted: "is halted: nothing is sent", reduce_only: "takes reductions only" };
  const own = alerts.filter((alert) => OF_ACCOUNT.includes(alert.kind) && alert.account === account.account);
  return need(
    `account-${account.account}`,
    account.state === "halted" ? "critical" : "warning",
    el("p", {}, badge(account.state), " Account ", accountLink(account.account), ` ${words[account.state] ?? "has open breaks"}. `, account.state_reason),
    el("p", { class: "quiet" }, `By ${account.state_changed_by}, `, time(account.state_changed_at, "second"), "."),
    account.breaks.length > 0 &&
      el("ul", { class: "notes" }, account.breaks.map((found) => el("li", {}, found.symbol && [symbolLink(found.symbol), " "], `${plain(found.kind)}: ${found.message}`))),
    account.breaks.length > 0 && el("p", {}, "Compare the books on the ", accountLink(account.account), " page, and put right what differs."),
    resume(account, acted),
    own.length > 0 && el("details", {}, el("summary", {}, `${own.length} alerts of this`), own.map((alert) => el("div", { "data-alert": String(alert.id) }, alertBody(alert, done)))),
  );
}

function unresolved(account) {
  return need(
    `unresolved-${account.account}`,
    "warning",
    el("p", {}, badge("unknown", "unknown"), ` ${account.unresolved_orders} orders of account `, accountLink(account.account), " have no known outcome. Look-ups go on, and nothing is sent twice; if it lasts, settle them on the account's page."),
  );
}

function paused(account) {
  return need(
    `paused-${account.account}`,
    "warning",
    el("p", {}, badge("paused", "warning"), " Nothing of account ", accountLink(account.account), " is sent until ", time(account.gateway_paused_until, "second"), `: ${account.pause_reason}`),
  );
}

// ── accounts ──

function drawAccounts(accounts) {
  const place = document.getElementById("accounts");
  if (writing(place)) return;
  const opened = new Set([...place.querySelectorAll("article:has(details[open])")].map((card) => card.dataset.account));
  place.replaceChildren(...(accounts.length ? accounts.map((account) => accountCard(account, opened)) : [empty("No account yet: the first run writes its row.")]));
}

function accountCard(account, opened) {
  return el(
    "article",
    { class: "card", "data-account": account.account },
    el("h3", {}, accountLink(account.account), " ", badge(account.state)),
    facts([
      ["Live orders", String(account.live_orders)],
      ["Connection", account.connection_id],
    ]),
    isStopped(account)
      ? el("p", { class: "quiet" }, "See above.")
      : el("details", { open: opened.has(account.account) }, el("summary", {}, "Halt"), stopOrGo(account, acted)),
  );
}

// ── the next run ──

async function strategies() {
  const found = (await get("/strategies")).strategies;
  if (!found.length) {
    show("strategies", empty("The strategies file has none: write one into it, as docs/strategies.md says."));
    return;
  }
  show(
    "strategies",
    el(
      "div",
      { class: "cards" },
      found.map((strategy) =>
        el(
          "article",
          { class: "card", "data-strategy": strategy.strategy_id },
          el("h3", {}, el("a", { href: page("strategy", { strategy: strategy.strategy_id }) }, strategy.title ?? strategy.strategy_id), " ", badge(strategy.mode), strategy.paused && [" ", badge("paused", "warning")]),
          facts([
            ["Next run", nextRun(strategy)],
            [`Session ${strategy.session_date}`, [time(strategy.session_opens, "clock"), " to ", time(strategy.session_closes, "clock")]],
            ["Symbols", String(strategy.symbols)],
            ["Account", strategy.account ? accountLink(strategy.account) : NONE],
          ]),
        ),
      ),
    ),
  );
}

function nextRun(strategy) {
  if (strategy.paused === null) return el("span", { class: "problem" }, "Airflow has not read the DAG");
  if (!strategy.next_run_at) return "by hand only";
  const left = inWords(strategy.next_run_at);
  return [time(strategy.next_run_at), left && ` (${left})`];
}

const check = new Newest(() => get("/check"), drawCheck, "check", "Checking what the next run needs …");

function drawCheck({ findings, ready, checked_at: at }) {
  const blockers = findings.filter((finding) => finding.next_step);
  show(
    "check",
    el(
      "p",
      {},
      ready ? badge("ready", "completed") : badge(`${blockers.length} to do`, "failed"),
      ready ? " Nothing would stop the next run." : " before the next run:",
      el("span", { class: "quiet" }, " Checked ", time(at, "second"), "."),
    ),
    !ready &&
      el(
        "ul",
        { id: "blockers", class: "notes" },
        blockers.map((finding) => el("li", {}, el("strong", {}, `${finding.subject}, ${finding.name}: `), `${finding.value}. `, el("em", {}, finding.next_step))),
      ),
    el(
      "details",
      {},
      el("summary", {}, `All ${findings.length} findings`),
      facts(findings.map((finding) => [`${finding.subject}, ${finding.name}`, finding.value])),
    ),
  );
}

// ── lists ──

const open = orderTable("Orders that may still trade, newest first", { live: true });
const held = positionTable("What strategies hold, by our own book", {});
const traded = runTable("Newest first; backfills are on each strategy's page", { kind: "trading" }, 10);

const list = (id, table, words) => async () => {
  const total = await table.refresh();
  if (!total) show(id, empty(words));
  else if (!table.node.isConnected) show(id, table.node);
  table.fit();
};

const orders = list("orders", open, "No order is open. Orders are here from when they are planned until they are filled or end.");
const positions = list("positions", held, "Nothing is held. Positions are here once a run's orders have filled: trigger a strategy's DAG.");
const runs = list("runs", traded, "No run yet: trigger a strategy's DAG, or switch it on and wait for its next session.");

async function results() {
  await resultCards("results");
}

// ── together ──

async function acted(words) {
  say(words);
  check.again();
  await attempt(needs, strategies, orders, positions);
}

async function refresh() {
  await attempt(needs, orders, positions, runs);
}

refresh();
attempt(strategies, results);
check.load();
every(POLL_MILLISECONDS, refresh);
