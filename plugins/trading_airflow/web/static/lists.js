// The tables that several pages show: orders, positions, runs.

import { get } from "./api.js";
import { badge, page, runLink, symbolLink, el } from "./dom.js";
import { asNumber, number, percent, plain, result, time, NONE } from "./format.js";
import { PagedTable } from "./table.js";

const PAGE = 50;

function strategyLink(id) {
  return id ? el("a", { href: page("strategy", { strategy: id }) }, id) : NONE;
}

export function accountLink(name) {
  return name ? el("a", { href: page("account", { account: name }) }, name) : NONE;
}

export function orderTable(caption, filter) {
  return new PagedTable({
    caption,
    load: async (offset) => {
      const found = await get("/orders", { ...filter, limit: PAGE, offset });
      return { rows: found.orders, total: found.total };
    },
    columns: [
      { title: "Symbol", value: (row) => row.symbol, cell: (row) => symbolLink(row.symbol) },
      { title: "State", value: (row) => row.state, cell: (row) => badge(row.state) },
      { title: "Side", value: (row) => row.side },
      { title: "Shares", number: true, value: (row) => asNumber(row.quantity), cell: (row) => number(row.quantity) },
      { title: "Filled", number: true, value: (row) => asNumber(row.filled_quantity), cell: (row) => number(row.filled_quantity) },
      { title: "Planned at, USD", number: true, value: (row) => asNumber(row.price), cell: (row) => number(row.price, 2) },
      { title: "Filled at, USD", number: true, value: (row) => asNumber(row.filled_avg_price), cell: (row) => number(row.filled_avg_price, 2) },
      { title: "Session", value: (row) => row.session_date, cell: (row) => runLink(row, row.session_date) },
      { title: "Sent", value: (row) => row.first_sent_at, cell: (row) => time(row.first_sent_at, "second") },
      !filter.strategy_id && { title: "Strategy", value: (row) => row.strategy_id, cell: (row) => strategyLink(row.strategy_id) },
      !filter.account && { title: "Account", value: (row) => row.account, cell: (row) => accountLink(row.account) },
      { title: "Why", optional: true, wide: true, value: (row) => row.message ?? (row.reason && plain(row.reason)) },
    ].filter(Boolean),
  });
}

export function positionTable(caption, filter) {
  return new PagedTable({
    caption,
    filter: true,
    load: async (offset) => {
      const found = await get("/positions", { ...filter, limit: 500, offset });
      return { rows: found.positions, total: found.total };
    },
    columns: [
      { title: "Symbol", value: (row) => row.symbol, cell: (row) => symbolLink(row.symbol) },
      { title: "Shares", number: true, value: (row) => asNumber(row.quantity), cell: (row) => number(row.quantity) },
      { title: "Price, USD", number: true, value: (row) => asNumber(row.price), cell: (row) => number(row.price, 2) },
      { title: "Value, USD", number: true, value: (row) => asNumber(row.value), cell: (row) => number(row.value, 2) },
      { title: "Weight", number: true, value: (row) => asNumber(row.weight), cell: (row) => percent(row.weight) },
      { title: "Cost, USD a share", optional: true, number: true, value: (row) => asNumber(row.average_cost), cell: (row) => number(row.average_cost, 2) },
      { title: "Unrealised, USD", optional: true, number: true, value: (row) => asNumber(row.unrealised), cell: (row) => result(row.unrealised) },
      { title: "Day's result, USD", optional: true, number: true, value: (row) => asNumber(row.day_result), cell: (row) => result(row.day_result) },
      { title: "Priced", value: (row) => row.price_at, cell: (row) => time(row.price_at) },
      !filter.strategy_id && { title: "Strategy", value: (row) => row.strategy_id, cell: (row) => strategyLink(row.strategy_id) },
      !filter.account && { title: "Account", value: (row) => row.account, cell: (row) => accountLink(row.account) },
    ].filter(Boolean),
  });
}

export function runTable(caption, filter, size = 20) {
  return new PagedTable({
    caption,
    load: async (offset) => {
      const found = await get("/runs", { ...filter, limit: size, offset });
      return { rows: found.runs, total: found.total };
    },
    columns: [
      { title: "Session", value: (run) => run.session_date, cell: (run) => runLink(run, run.session_date) },
      !filter.strategy_id && { title: "Strategy", value: (run) => run.strategy_id, cell: (run) => strategyLink(run.strategy_id) },
      { title: "Status", value: (run) => run.status, cell: (run) => badge(run.status) },
      { title: "Mode", value: (run) => run.mode, cell: (run) => plain(run.mode) },
      { title: "Signals", number: true, value: (run) => run.num_signals },
      { title: "Orders", number: true, value: (run) => run.num_orders_planned },
      { title: "Acknowledged", number: true, value: (run) => run.num_orders_accepted },
      { title: "Filled", number: true, value: (run) => run.num_orders_filled },
      { title: "Rejected", number: true, value: (run) => run.num_orders_rejected },
      { title: "Started", value: (run) => run.started_at, cell: (run) => time(run.started_at) },
      { title: "Took, s", number: true, value: (run) => asNumber(run.duration_seconds), cell: (run) => number(run.duration_seconds, 1) },
      { title: "By", value: (run) => run.run_type },
    ].filter(Boolean),
  });
}
