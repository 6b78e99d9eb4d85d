// A strategy: what it earned, what it had at work and what that cost, what it holds, and its runs.

import "./header.js";
import { get } from "./api.js";
import { asked, chooser } from "./chooser.js";
import { badge, el, empty, facts, show } from "./dom.js";
import { NONE, time } from "./format.js";
import { accountLink, orderTable, positionTable, runTable } from "./lists.js";
import { attempt } from "./refresh.js";
import { compared } from "./shadows.js";
import { bookInFull, byBook, exposurePlot, nameOf, turnoverPlot } from "./results.js";

// About a year of sessions: what is not closed is worked out from every order.
const DAYS = 365;
const SESSIONS = 1000;

async function load() {
  const [{ strategies }, { points }, { books }] = await Promise.all([
    get("/strategies"),
    get("/history", { days: DAYS, only_unclosed: true }),
    get("/money", { sessions: 1 }),
  ]);
  const names = [...new Set([...strategies, ...points, ...books].map((each) => each.strategy_id))].sort();
  const id = asked("strategy") ?? names[0];
  if (!id) {
    show("content", empty("No strategy yet: the strategies file has none. Write one into it, as docs/strategies.md says; its result will be here."));
    return;
  }
  const strategy = strategies.find((each) => each.strategy_id === id);
  document.querySelector("h1").textContent = strategy?.title ?? id;
  const { books: closed } = await get(`/money/${encodeURIComponent(id)}`, { sessions: SESSIONS, positions: 1 });
  const open = byBook(points.filter((point) => point.strategy_id === id));
  const positions = positionTable("What it holds, by our own book", { strategy_id: id });
  const orders = orderTable("Its orders, newest first", { strategy_id: id });
  const runs = runTable("Its runs, newest first, backfills included", { strategy_id: id });
  const [held, ordered, ran] = await Promise.all([positions.refresh(), orders.refresh(), runs.refresh()]);
  const { runs: [newest] } = await get("/runs", { strategy_id: id, kind: "trading", limit: 1 });
  const planned = newest ? await get(`/runs/${newest.run_id}/sizings`) : { shadows: [] };
  show(
    "content",
    chooser("Strategies", "strategy", "strategy", names, id),
    strategy
      ? facts([
          ["Id", id],
          ["Mode", badge(strategy.mode)],
          ["Account", strategy.account ? accountLink(strategy.account) : NONE],
          ["Symbols", String(strategy.symbols)],
          ["Next run", strategy.next_run_at ? time(strategy.next_run_at) : "by hand only"],
          ["DAG", [strategy.dag_id, strategy.paused ? " (paused)" : ""]],
        ])
      : el("p", { class: "quiet" }, `The strategies file does not name ${id} any more; this is what it did.`),
    el(
      "section",
      {},
      el("h2", {}, "Result"),
      closed.map(bookInFull),
      open.map((book) => el("section", {}, el("h3", {}, nameOf(book.at(-1))), el("p", { class: "quiet" }, "No day of it is closed yet: equity, drawdown and months are here after the close, once the DAG daily_books has run."), el("div", { class: "plots" }, exposurePlot(book), turnoverPlot(book)))),
      !closed.length && !open.length && empty("No session was traded yet. After the first run that trades, exposure and turnover are here, and after the close what it earned."),
    ),
    planned.shadows.length > 0 && el("section", {}, el("h2", {}, "Sizings compared"), el("p", { class: "quiet" }, `As planned for session ${newest.session_date}.`), compared(planned)),
    el("section", {}, el("h2", {}, "Positions"), held ? positions.node : empty("It holds nothing now.")),
    el("section", {}, el("h2", {}, "Orders"), ordered ? orders.node : empty("It has planned no order yet.")),
    el("section", {}, el("h2", {}, "Runs"), ran ? runs.node : empty("It has no run yet: trigger its DAG, or switch it on and wait for its next session.")),
  );
  for (const table of [positions, orders, runs]) table.fit();
}

attempt(load);
