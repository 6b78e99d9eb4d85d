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

export function badge(word, kind = word) {
  return el("span", { class: `badge ${kind}` }, String(word).replaceAll("_", " "));
}

// What is longer has a line of its own.
const SHORT = 60;

export function facts(pairs) {
  return el(
    "dl",
    { class: "facts" },
    pairs.map(([name, value]) => el("div", { class: typeof value === "string" && value.length > SHORT && "long" }, el("dt", {}, name), el("dd", {}, value ?? "–"))),
  );
}

// What stands where there is nothing yet: what will be here, and how to get it.
export function empty(...words) {
  return el("p", { class: "quiet empty" }, words);
}

// Large figures side by side: [name, value, a smaller line].
export function tiles(rows) {
  return el(
    "dl",
    { class: "tiles" },
    rows.map(([name, value, more]) => el("div", {}, el("dt", {}, name), el("dd", {}, value), more && el("dd", { class: "quiet" }, more))),
  );
}

export function page(name, values = {}) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(given).toString();
  return query ? `${name}?${query}` : name;
}

export function symbolLink(symbol) {
  return el("a", { href: page("symbol", { symbol }) }, symbol);
}

export function runLink(run, words) {
  if (!run.dag_id || !run.airflow_run_id) return words;
  return el("a", { href: page("run", { dag_id: run.dag_id, run_id: run.airflow_run_id }) }, words);
}

// A refresh throws no half-written reason away.
export function writing(place) {
  const fields = [...place.querySelectorAll("textarea, input:not([type=checkbox]):not([type=search])")];
  return fields.some((field) => field.value && field.value !== field.defaultValue) || (place.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"));
}
