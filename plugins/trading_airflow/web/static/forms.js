// Acts of a person: a form with the reason that is kept, one button or several, and the answer beside them.

import { el } from "./dom.js";

let ids = 0;

// A labelled field. choices: [value, words] for a list to choose from.
export function field(label, { choices, ...attributes } = {}) {
  ids += 1;
  const id = `field-${ids}`;
  const input = choices
    ? el("select", { id, ...attributes }, choices.map(([value, words]) => el("option", { value }, words)))
    : el("input", { id, type: "text", maxlength: 200, autocomplete: "off", ...attributes });
  const node = el("div", { class: "field" }, el("label", { for: id }, label), input);
  return { node, input, get value() { return input.value; }, set value(text) { input.value = text; } };
}

export function tick(words) {
  const input = el("input", { type: "checkbox" });
  return { node: el("label", { class: "inline" }, input, ` ${words}`), input, get value() { return input.checked; } };
}

// buttons: [words, kind, value]. send(value) => words that say what came of it. done: called after it with those words.
export function form({ label, fields, buttons, send, done }) {
  const answer = el("p", { role: "status", class: "answer" });
  const pressed = buttons.map(([words, kind, value]) => el("button", { type: "submit", class: kind, value: value ?? words }, words));
  const node = el(
    "form",
    {
      "aria-label": label,
      onsubmit: async (event) => {
        event.preventDefault();
        for (const button of pressed) button.disabled = true;
        answer.replaceChildren("Sending …");
        try {
          const words = await send(event.submitter?.value);
          answer.replaceChildren(words ?? "Done.");
          for (const each of fields) if (each.input.matches("input:not([type=checkbox])")) each.input.value = each.input.defaultValue;
          document.activeElement?.blur();
          await done?.(words);
        } catch (error) {
          answer.replaceChildren(el("span", { class: "problem" }, error.message));
        }
        for (const button of pressed) button.disabled = false;
      },
    },
    fields.map((each) => each.node),
    el("div", { class: "tools" }, pressed),
    answer,
  );
  return node;
}
