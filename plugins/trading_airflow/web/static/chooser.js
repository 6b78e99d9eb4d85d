// Which of several the page is about: buttons side by side for a few, a list to choose from for many.

import { el, page } from "./dom.js";

const FEW = 8;

// names: what there is to choose from. The choice is in the address, so that it can be kept and sent.
export function chooser(title, here, parameter, names, chosen) {
  if (names.length < 2) return null;
  const go = (name) => page(here, { [parameter]: name });
  if (names.length <= FEW) {
    return el("nav", { class: "tools", "aria-label": title }, names.map((name) => el("a", { href: go(name), "aria-current": name === chosen && "page" }, name)));
  }
  const select = el("select", { "aria-label": title, onchange: () => location.assign(go(select.value)) }, names.map((name) => el("option", { value: name, selected: name === chosen }, name)));
  return el("p", { class: "tools" }, select);
}

export function asked(parameter) {
  return new URLSearchParams(location.search).get(parameter);
}
