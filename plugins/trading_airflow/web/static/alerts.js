// Alerts as a list, and what a person may do to one: acknowledge or close it. Both need a reason, which is kept.

import { post } from "./api.js";
import { badge, el } from "./dom.js";
import { field, form } from "./forms.js";
import { time } from "./format.js";

// done: called with words after an act, so that the page shows what is now; without it the list only shows.
export function alertList(alerts, done) {
  return el("ul", { class: "alerts" }, alerts.map((alert) => el("li", { "data-alert": String(alert.id) }, alertBody(alert, done))));
}

export function alertBody(alert, done) {
  return [
    el("p", {}, badge(alert.severity), " ", alert.message, alert.count > 1 && ` (${alert.count} times)`),
    el("p", { class: "quiet" }, time(alert.last_at, "second"), ". What to do: ", alert.next_step),
    alert.acknowledged_by && el("p", { class: "quiet" }, `Acknowledged by ${alert.acknowledged_by}: ${alert.acknowledged_reason}`),
    alert.closed_by && el("p", { class: "quiet" }, `Closed by ${alert.closed_by}: ${alert.closed_reason}`),
    done && !alert.over_at && act(alert, done),
  ];
}

function act(alert, done) {
  const reason = field("Reason", { required: true, maxlength: 1000 });
  const words = { acknowledge: "acknowledged", close: "closed" };
  return el(
    "details",
    {},
    el("summary", {}, "Acknowledge or close"),
    form({
      label: `Alert ${alert.id}`,
      fields: [reason],
      buttons: [
        ["Acknowledge", null, "acknowledge"],
        ["Close", null, "close"],
      ],
      send: async (which) => {
        await post(`/alerts/${alert.id}/${which}`, { reason: reason.value });
        return `The alert is ${words[which]}: ${alert.message}`;
      },
      done,
    }),
  );
}
