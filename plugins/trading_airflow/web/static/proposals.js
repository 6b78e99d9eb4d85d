// What companies announced of what is held or traded: booked with one click where our books and the venue agree on it.

import { post } from "./api.js";
import { badge, el, symbolLink } from "./dom.js";
import { field, form } from "./forms.js";
import { number, plain } from "./format.js";
import { accountLink } from "./lists.js";

// actions: of GET /corporate-actions. done: called with words after an act.
export function proposals(actions, done) {
  return actions.map((action) =>
    el(
      "li",
      { class: action.state === "blocked" ? "critical" : "warning", "data-need": `action-${action.account}-${action.strategy_id}-${action.id}` },
      el("p", {}, badge(action.state), " ", symbolLink(action.symbol), ` ${title(action)}, ex ${action.ex_date}, for ${action.strategy_id} on account `, accountLink(action.account), "."),
      el("p", {}, action.words),
      action.state === "blocked" && el("p", { class: "quiet" }, "No order is sent for the symbol until a person has put right what differs, on the account's page, or dismissed this."),
      action.may_act && act(action, done),
    ),
  );
}

function title(action) {
  const into = action.new_symbol ? ` to ${action.new_symbol}` : "";
  return `${plain(action.kind)}${into}${action.ratio ? `, ${number(action.ratio)} new for each old share` : ""}`;
}

function act(action, done) {
  const proposed = action.state === "proposed";
  const reason = field("Reason", { required: true, maxlength: 1000, value: proposed ? `as announced: ${title(action)}` : "" });
  const words = { apply: "booked", dismiss: "dismissed" };
  return form({
    label: `${action.symbol} ${plain(action.kind)}`,
    fields: [reason],
    buttons: [...(proposed ? [["Book it", "apply", "apply"]] : []), ["Dismiss", null, "dismiss"]],
    send: async (which) => {
      await post(`/accounts/${encodeURIComponent(action.account)}/corporate-actions/${action.id}/${which}`, { reason: reason.value });
      return `${action.symbol} ${title(action)}: ${words[which]}.`;
    },
    done,
  });
}
