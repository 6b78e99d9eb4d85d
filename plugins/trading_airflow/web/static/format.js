// Numbers and times as people in trading read them. Times follow the zone that the page's switch says.

import { el } from "./dom.js";

export const NONE = "–";
const HOUR = 3600000;

// digits: as many as given; without them, no zeros at the end.
export function number(value, digits) {
  if (missing(value)) return NONE;
  const places = digits === undefined ? { maximumFractionDigits: 9 } : { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat("en-US", places).format(value).replace(/^-(?=[0.,]*$)/, "");
}

export function signed(value, digits) {
  return missing(value) ? NONE : `${Number(value) > 0 ? "+" : ""}${number(value, digits)}`;
}

export function percent(value, digits = 1) {
  return missing(value) ? NONE : `${number(Number(value) * 100, digits)} %`;
}

export function signedPercent(value, digits = 2) {
  return missing(value) ? NONE : `${signed(Number(value) * 100, digits)} %`;
}

// What was earned: its sign says it as well as its colour.
export function result(value, words = signed(value, 2)) {
  const kind = missing(value) || Number(value) === 0 ? null : Number(value) > 0 ? "gain" : "loss";
  return el("span", { class: kind }, words);
}

export function asNumber(value) {
  return missing(value) ? null : Number(value);
}

export function missing(value) {
  return value === null || value === undefined || value === "";
}

// ── times ──

const KEY = "trading.zone";
const EXCHANGE = document.documentElement.dataset.zone;
const MINE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const PARTS = {
  day: { year: "numeric", month: "2-digit", day: "2-digit" },
  minute: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" },
  second: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  clock: { hour: "2-digit", minute: "2-digit" },
  precise: { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 },
};
const formats = new Map();

export const zones = { mine: MINE, exchange: EXCHANGE };

export function chosenZone() {
  return localStorage.getItem(KEY) === "mine" ? "mine" : "exchange";
}

export function chooseZone(name) {
  localStorage.setItem(KEY, name);
  for (const node of document.querySelectorAll("time[data-length]")) {
    node.textContent = clock(node.dateTime, node.dataset.length);
  }
}

// A moment as text in the chosen zone.
export function clock(text, length = "minute") {
  if (missing(text)) return NONE;
  const zone = zones[chosenZone()];
  const key = `${zone} ${length}`;
  // Swedish writes dates as ISO does.
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat("sv-SE", { ...PARTS[length], timeZone: zone }));
  return formats.get(key).format(new Date(text)).replace(",", ".");
}

// The same as an element that follows the switch.
export function time(text, length = "minute") {
  if (missing(text)) return NONE;
  return el("time", { datetime: text, "data-length": length, title: `${text.replace("T", " ").slice(0, 19)} UTC` }, clock(text, length));
}

// How long until then, in words; null when it is past.
export function inWords(text) {
  const left = Date.parse(text) - Date.now();
  if (!(left > 0)) return null;
  if (left < HOUR) return `in ${Math.max(1, Math.round(left / 60000))} min`;
  if (left < 48 * HOUR) return `in ${Math.round(left / HOUR)} h`;
  return `in ${Math.round(left / (24 * HOUR))} days`;
}

// A code as words: blocked_symbol is "blocked symbol".
export function plain(code) {
  return missing(code) ? NONE : String(code).replaceAll("_", " ");
}
