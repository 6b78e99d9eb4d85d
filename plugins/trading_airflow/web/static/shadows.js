// What a strategy's other sizings would hold beside the one that trades: none of them is ever traded.

import { el } from "./dom.js";
import { number, percent } from "./format.js";
import { Table } from "./table.js";

const weights = (targets) => new Map(targets.map((each) => [each.symbol, Number(each.weight)]));

// symbols, shadows: of one run
export function compared({ symbols, shadows }) {
  const traded = new Map(symbols.filter((row) => row.target_weight !== null).map((row) => [row.symbol, Number(row.target_weight)]));
  const rows = [row("traded", traded, traded, null), ...shadows.map((shadow) => row(shadow.model, weights(shadow.targets), traded, shadow.refused))];
  const table = new Table({
    caption: "Sizings compared, by what each would hold after this plan; only the first is traded",
    columns: [
      { title: "Sizing", value: (each) => each.model.replaceAll("_", " ") },
      { title: "Longs", number: true, value: (each) => each.longs },
      { title: "Shorts", number: true, value: (each) => each.shorts },
      { title: "Gross", number: true, value: (each) => each.gross, cell: (each) => percent(each.gross) },
      { title: "Net", number: true, value: (each) => each.net, cell: (each) => percent(each.net) },
      { title: "Largest", number: true, value: (each) => each.largest, cell: (each) => percent(each.largest) },
      { title: "Not as traded", number: true, value: (each) => each.apart, cell: (each) => percent(each.apart) },
      { title: "Why none", optional: true, wide: true, value: (each) => each.refused },
    ],
  });
  table.update(rows);
  return el("div", {}, table.node, shadows.some((shadow) => shadow.targets.length) && targetTable(symbols, shadows));
}

function row(model, held, traded, refused) {
  const all = [...held.values()];
  const sum = (values) => values.reduce((whole, value) => whole + value, 0);
  const symbols = new Set([...held.keys(), ...traded.keys()]);
  return {
    model,
    refused,
    longs: all.filter((weight) => weight > 0).length,
    shorts: all.filter((weight) => weight < 0).length,
    gross: sum(all.map(Math.abs)),
    net: sum(all),
    largest: Math.max(0, ...all.map(Math.abs)),
    // Half of what would have to be traded to come from one to the other.
    apart: sum([...symbols].map((symbol) => Math.abs((held.get(symbol) ?? 0) - (traded.get(symbol) ?? 0)))) / 2,
  };
}

function targetTable(symbols, shadows) {
  const of = shadows.map((shadow) => new Map(shadow.targets.map((each) => [each.symbol, each.quantity])));
  const table = new Table({
    caption: "Target in signed shares",
    filter: true,
    columns: [
      { title: "Symbol", value: (each) => each.symbol },
      { title: "traded", number: true, value: (each) => number(each.target_quantity) },
      ...shadows.map((shadow, index) => ({ title: shadow.model.replaceAll("_", " "), number: true, value: (each) => number(of[index].get(each.symbol)) })),
    ],
  });
  table.update(symbols);
  return el("details", {}, el("summary", {}, "By symbol"), table.node);
}
