// Lines and bars over sessions, drawn by uPlot in the page's colours.

import uPlot from "./vendor/uPlot.esm.js";
import { el, number } from "./dom.js";

const HEIGHT = 220;

// days: ISO dates. series: {label, values: numbers, colour: a CSS variable, bars}
export function plot({ title, days, series }) {
  const place = el("div", { class: "plot" });
  // A canvas takes a colour, not the pair for light and dark: the browser chooses it for a real element.
  const style = (name) => {
    place.style.color = `var(${name})`;
    const colour = getComputedStyle(place).color;
    place.style.color = "";
    return colour;
  };
  let drawn = null;
  const draw = () => {
    const width = place.clientWidth;
    if (!width) return;
    drawn?.destroy();
    const axis = { stroke: style("--text"), grid: { stroke: style("--line"), width: 1 }, ticks: { stroke: style("--line") } };
    drawn = new uPlot(
      {
        width,
        height: HEIGHT,
        title,
        // Sessions stand side by side: weekends and holidays are no gaps.
        scales: {
          x: { time: false, range: [-0.5, days.length - 0.5] },
          y: { range: (_, low, high) => around(low, high) },
        },
        axes: [
          { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500], space: 90, values: (_, ticks) => ticks.map((tick) => days[tick] ?? "") },
          { ...axis, size: 80, values: (_, ticks) => ticks.map((tick) => number(tick)) },
        ],
        series: [
          { label: "Session", value: (_, index) => days[index] ?? "" },
          ...series.map((each) => ({
            label: each.label,
            stroke: style(each.colour),
            fill: each.bars ? style(each.colour) : undefined,
            width: 2,
            points: { show: !each.bars && days.length < 60, size: 6 },
            paths: each.bars ? uPlot.paths.bars({ size: [0.6, 40] }) : undefined,
            value: (_, value) => (value === null || value === undefined ? "" : `${number(value, 0)} USD`),
          })),
        ],
      },
      [days.map((_, index) => index), ...series.map((each) => each.values)],
      place,
    );
  };
  new ResizeObserver(draw).observe(place);
  document.addEventListener("themechange", draw);
  const table = el(
    "table",
    {},
    el("caption", {}, `${title}, in numbers`),
    el("thead", {}, el("tr", {}, ["Session", ...series.map((each) => each.label)].map((text) => el("th", { scope: "col" }, text)))),
    el(
      "tbody",
      {},
      days.map((day, index) =>
        el("tr", {}, el("th", { scope: "row" }, day), series.map((each) => el("td", { class: "number" }, number(each.values[index], 2)))),
      ),
    ),
  );
  return el("figure", {}, place, el("details", {}, el("summary", {}, "In numbers"), el("div", { class: "scroll" }, table)));
}

// Zero is always in sight: a small change of a large number should look small.
function around(low, high) {
  const [from, to] = [Math.min(0, low ?? 0), Math.max(0, high ?? 0)];
  const room = (to - from || 1) * 0.05;
  return [from === 0 ? 0 : from - room, to === 0 ? 0 : to + room];
}
