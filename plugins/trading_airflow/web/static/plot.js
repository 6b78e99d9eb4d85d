// Lines and bars over sessions, drawn by uPlot in the page's colours.

import uPlot from "./vendor/uPlot.esm.js";
import { el } from "./dom.js";
import { number, percent } from "./format.js";

const HEIGHT = 260;
const SMALL = 170;
const UNITS = {
  USD: { tick: compact, value: (value) => `${number(value, 2)} USD` },
  "%": { tick: (value) => percent(value, 1), value: (value) => percent(value, 2) },
  shares: { tick: (value) => number(value), value: (value) => `${number(value)} shares` },
};

// days: ISO dates. series: {label, values: numbers, colour: a CSS variable, bars}. unit: USD, % (of fractions), shares
// zero: whether zero is always in sight, so that a small change of a large number looks small
export function plot({ title, days, series, unit = "USD", zero = true, small = false }) {
  const place = el("div", { class: small ? "plot small" : "plot", role: "img", "aria-label": spoken(title, days, series, unit) });
  // A canvas takes a colour, not the pair for light and dark: the browser chooses it for a real element.
  const style = (name) => {
    place.style.color = `var(${name})`;
    const colour = getComputedStyle(place).color;
    place.style.color = "";
    return colour;
  };
  const last = days.length - 1;
  let drawn = null;
  let width = 0;
  const draw = () => {
    width = place.clientWidth;
    if (!width) return;
    drawn?.destroy();
    const font = `12px ${getComputedStyle(place).fontFamily}`;
    const axis = { stroke: style("--quiet"), font, grid: { stroke: style("--line"), width: 1 }, ticks: { stroke: style("--line") } };
    drawn = new uPlot(
      {
        width,
        height: small ? SMALL : HEIGHT,
        title,
        // Sessions stand side by side: weekends and holidays are no gaps.
        scales: {
          x: { time: false, range: [-0.5, days.length - 0.5] },
          y: { range: (_, low, high) => around(low, high, zero) },
        },
        axes: [
          { ...axis, size: 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500], space: 90, values: (_, ticks) => ticks.map((tick) => days[tick] ?? "") },
          { ...axis, size: 64, space: small ? 30 : 40, values: (_, ticks) => ticks.map((tick) => UNITS[unit].tick(tick)) },
        ],
        series: [
          { label: "Session", value: (_, value) => days[value] ?? "" },
          ...series.map((each) => ({
            label: each.label,
            stroke: style(each.colour),
            fill: each.bars ? style(each.colour) : undefined,
            width: 2,
            points: { show: !each.bars && days.length < 60, size: 6 },
            paths: each.bars ? uPlot.paths.bars({ size: [0.6, 40] }) : undefined,
            value: (_, value) => (value === null || value === undefined ? "–" : UNITS[unit].value(value)),
          })),
        ],
        // Without a pointer over it the legend says the newest session.
        hooks: { setLegend: [(self) => self.legend.idx ?? self.setLegend({ idx: last })], ready: [(self) => self.setLegend({ idx: last })] },
      },
      [days.map((_, index) => index), ...series.map((each) => each.values)],
      place,
    );
  };
  new ResizeObserver(() => place.clientWidth !== width && draw()).observe(place);
  document.addEventListener("themechange", draw);
  if (small) return el("figure", {}, place);
  return el("figure", {}, place, el("details", {}, el("summary", {}, "In numbers"), numbers(title, days, series, unit)));
}

function numbers(title, days, series, unit) {
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title}, in numbers` },
    el(
      "table",
      {},
      el("caption", {}, `${title}, newest first`),
      el("thead", {}, el("tr", {}, ["Session", ...series.map((each) => each.label)].map((text, index) => el("th", { scope: "col", class: index && "number" }, text)))),
      el(
        "tbody",
        {},
        days
          .map((day, index) => el("tr", {}, el("th", { scope: "row" }, day), series.map((each) => el("td", { class: "number" }, worded(each.values[index], unit)))))
          .reverse(),
      ),
    ),
  );
}

function worded(value, unit) {
  return value === null || value === undefined ? "–" : UNITS[unit].value(value);
}

function spoken(title, days, series, unit) {
  const last = days.length - 1;
  const words = series.map((each) => `${each.label} ${worded(each.values[last], unit)}`).join(", ");
  return `Plot: ${title}, ${days.length} sessions from ${days[0]} to ${days[last]}. Newest: ${words}.`;
}

function compact(value) {
  return Math.abs(value) >= 10000 ? `${number(value / 1000)}k` : number(value);
}

function around(low, high, zero) {
  let [from, to] = [low ?? 0, high ?? 0];
  if (zero) [from, to] = [Math.min(0, from), Math.max(0, to)];
  // Nothing but zeros still needs a scale with labels.
  if (zero && from === to) return [0, 1];
  const room = (to - from || Math.abs(to) || 1) * 0.06;
  return [zero && from === 0 ? 0 : from - room, zero && to === 0 ? 0 : to + room];
}
