// What strategies earned and how much they had at work, session by session.

import { get } from "./api.js";
import { badge, el, empty, page, show, tiles } from "./dom.js";
import { missing, NONE, number, percent, result, signedPercent } from "./format.js";
import { accountLink } from "./lists.js";
import { plot } from "./plot.js";
import { Table } from "./table.js";

const SMALL_SESSIONS = 90;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// Points by book: what a strategy trades on an account in one mode.
export function byBook(points) {
  return [...Map.groupBy(points, keyOf).values()];
}

export function nameOf(point) {
  return `${point.strategy_id}, ${point.mode} on ${point.account}`;
}

function keyOf({ strategy_id: strategy, account, mode }) {
  return JSON.stringify([strategy, account, mode]);
}

// ── Today: a card for each book ──

export async function resultCards(id) {
  const [{ books, accounts }, { points }] = await Promise.all([get("/money", { sessions: SMALL_SESSIONS }), get("/history", { days: SMALL_SESSIONS, only_unclosed: true })]);
  const open = byBook(points);
  if (!books.length && !open.length) {
    show(id, empty("No session was traded yet. After the close of the first one, each strategy's equity and result are here: the DAG daily_books closes the books, so switch it on too."));
    return;
  }
  show(id, el("div", { class: "cards" }, books.map(bookCard), open.map(openCard), accounts.map(accountCard)));
}

function bookCard(book) {
  return el(
    "article",
    { class: "card", "data-book": book.strategy_id },
    el("h3", {}, el("a", { href: page("strategy", { strategy: book.strategy_id }) }, nameOf(book))),
    tiles([
      ["Equity", usd(book.equity), `after ${book.session_date}`],
      ["Day's result", result(book.result, `${signedUsd(book.result)}`), signedPercent(book.daily_return)],
      ["Result in all", result(book.result_in_all, signedUsd(book.result_in_all)), signedPercent(book.measures.total_return)],
      ["Below its highest", percent(Math.abs(book.drawdown), 2), `at most ${percent(Math.abs(book.measures.max_drawdown), 2)}`],
    ]),
    staleNote(book.stale),
    plot({ ...series("Equity", book.points, [["equity", "Equity", "--blue"]]), zero: false, small: true }),
  );
}

function openCard(points) {
  const last = points.at(-1);
  return el(
    "article",
    { class: "card", "data-book": last.strategy_id },
    el("h3", {}, el("a", { href: page("strategy", { strategy: last.strategy_id }) }, nameOf(last))),
    tiles([
      ["Gross exposure", usd(last.gross, 0), `planned ${last.session_date}`],
      ["Turnover", usd(last.turnover, 0), "of that session"],
    ]),
    el("p", { class: "quiet" }, "No day of it is closed yet: equity and result are here after the close, once the DAG daily_books has run."),
    exposurePlot(points, true),
  );
}

function accountCard(account) {
  const odd = !missing(account.unexplained) && Math.abs(Number(account.unexplained)) > Number(account.limit);
  return el(
    "article",
    { class: "card", "data-money-of": account.account },
    el("h3", {}, accountLink(account.account), ", by the venue's word"),
    tiles([
      ["Equity", usd(account.equity), `after ${account.session_date}`],
      ["Fees, interest, dividends", signedUsd(account.points.at(-1).others), "of that day, in no strategy's book"],
      ["Unexplained", missing(account.unexplained) ? NONE : usd(account.unexplained), odd ? badge("look at it", "warning") : `warned about from ${usd(account.limit)}`],
    ]),
    plot({ ...series("Equity", account.points, [["equity", "Equity", "--blue"]]), zero: false, small: true }),
  );
}

// ── Strategy: one book in full ──

export function bookInFull({ book, months, day, ...sums }) {
  const { measures } = book;
  return el(
    "section",
    { "data-book": book.strategy_id },
    el("h3", {}, `${nameOf(book)}, ${book.first_session} to ${book.session_date}`),
    tiles([
      ["Equity", usd(book.equity), `cash ${usd(book.cash)}`],
      ["Day's result", result(book.result, signedUsd(book.result)), signedPercent(book.daily_return)],
      ["Return in all", result(measures.total_return, signedPercent(measures.total_return)), `${signedUsd(book.result_in_all)}, ${measures.sessions} sessions`],
      ["Return a year", signedPercent(measures.annual_return), `volatility ${percent(measures.volatility, 1)}`],
      ["Sharpe ratio", number(measures.sharpe, 2), "without a riskless rate"],
      ["Drawdown", percent(Math.abs(book.drawdown), 2), `at most ${percent(Math.abs(measures.max_drawdown), 2)}`],
      ["Turnover in all", usd(sums.turnover_in_all, 0), `put in ${usd(book.flows_in_all, 0)}`],
      ["Cost against the plan", signedUsd(sums.cost_to_plan_in_all), `${points(sums.cost_to_plan_in_all, sums.turnover_in_all)}, against the close ${signedUsd(sums.cost_to_close_in_all)}`],
      ["Dividends", usd(sums.dividends_in_all), `fees ${usd(sums.fees_in_all)}`],
    ]),
    staleNote(book.stale),
    el(
      "div",
      { class: "plots" },
      plot({ ...series("Equity", book.points, [["equity", "Equity", "--blue"]]), zero: false }),
      plot(series("Drawdown", book.points, [["drawdown", "Drawdown", "--red"]], "%")),
      plot(series("Result a session", book.points, [["result", "Result", "--blue", true]])),
      plot(series("Exposure", book.points, [["gross", "Gross", "--blue"], ["net", "Net", "--orange"]])),
      plot(series("Turnover a session", book.points, [["turnover", "Turnover", "--blue", true]])),
      plot(series("Cost against the plan's prices a session", book.points, [["cost_to_plan", "Cost", "--orange", true]])),
    ),
    el("h4", {}, "Months"),
    monthTable(months),
    el("h4", {}, `What made up ${day.session_date}`),
    tiles([
      ["Equity before", usd(day.equity_before), `in or out ${signedUsd(day.flows)}`],
      ["Realised", signedUsd(day.realised), day.method === "fifo" ? "first in, first out" : "at average cost"],
      ["Change of unrealised", signedUsd(day.unrealised), null],
      ["Dividends less fees", signedUsd(Number(day.dividends) - Number(day.fees)), `corrections ${signedUsd(day.corrected)}`],
    ]),
  );
}

// A row a year; a year is compounded from its months.
function monthTable(months) {
  const years = [...Map.groupBy(months, (month) => month.year)].map(([year, found]) => ({
    year,
    of: new Map(found.map((month) => [month.month, month.compounded])),
    whole: found.reduce((value, month) => value * (1 + month.compounded), 1) - 1,
  }));
  const shown = (value) => result(value, signedPercent(value, 1));
  const table = new Table({
    caption: "Time-weighted return by month",
    columns: [
      { title: "Year", value: (row) => row.year },
      ...MONTHS.map((name, index) => ({ title: name, number: true, value: (row) => row.of.get(index + 1), cell: (row) => shown(row.of.get(index + 1)) })),
      { title: "The year", number: true, value: (row) => row.whole, cell: (row) => shown(row.whole) },
    ],
  });
  table.update(years.sort((a, b) => b.year - a.year));
  return table.node;
}

function staleNote(symbols) {
  return symbols.length > 0 && el("p", { class: "quiet" }, badge("old price", "warning"), ` No close was known of ${symbols.join(", ")}: an earlier price counts.`);
}

// ── what both use ──

function usd(value, digits = 2) {
  return missing(value) ? NONE : `${number(value, digits)} USD`;
}

function signedUsd(value) {
  return missing(value) ? NONE : `${Number(value) > 0 ? "+" : ""}${number(value, 2)} USD`;
}

// Hundredths of a percent of what was traded.
function points(cost, turnover) {
  return Number(turnover) ? `${number((10000 * Number(cost)) / Number(turnover), 1)} basis points` : "nothing was traded";
}

export function exposurePlot(book, small = false) {
  return plot({ ...series("Exposure", book, [["gross", "Gross", "--blue"], ["net", "Net", "--orange"], ["capital", "Capital", "--grey"]]), small });
}

export function turnoverPlot(book) {
  return plot(series("Turnover a session", book, [["turnover", "Turnover", "--blue", true]]));
}

// fields: [name, label, colour, bars]
export function series(title, book, fields, unit = "USD") {
  return {
    title: `${title}, ${unit}`,
    unit,
    days: book.map((point) => point.session_date),
    series: fields.map(([name, label, colour, bars]) => ({
      label,
      colour,
      bars,
      values: book.map((point) => (missing(point[name]) ? null : Number(point[name]))),
    })),
  };
}
