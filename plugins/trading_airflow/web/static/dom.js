// Elements and texts. What comes from outside becomes a text node, never markup.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...real(children));
  return node;
}

export function show(id, ...children) {
  document.getElementById(id).replaceChildren(...real(children));
}

// So that `condition && el(…)` may stand among children.
function real(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

export function showProblem(error) {
  const place = document.getElementById("problem");
  place.textContent = error ? error.message : "";
  place.hidden = !error;
}

export const NONE = "–";

export function number(text, digits) {
  if (text === null || text === undefined) return NONE;
  const places = digits === undefined ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat("en-US", { maximumFractionDigits: 6, ...places }).format(text);
}

export function percent(text, digits = 1) {
  return text === null || text === undefined ? NONE : `${number(Number(text) * 100, digits)} %`;
}

export function time(text, length = 19) {
  return text ? text.replace("T", " ").slice(0, length).replace("Z", "") : NONE;
}

export function badge(word, kind = word) {
  return el("span", { class: `badge ${kind}` }, word);
}

export function facts(pairs) {
  return el(
    "dl",
    { class: "facts" },
    pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value ?? NONE))),
  );
}
