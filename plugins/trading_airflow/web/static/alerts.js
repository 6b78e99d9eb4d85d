// Alerts as a list, and what a person may do to one: acknowledge or close it. Both need a reason, which is kept.

import { post } from "./api.js";
import { badge, el, time } from "./dom.js";

// changed: called after an act, so that the page shows what is now; without it the list only shows.
export function alertList(alerts, changed) {
  return el(
    "ul",
    { class: "alerts" },
    alerts.map((alert) =>
      el(
        "li",
        { "data-alert": String(alert.id) },
        badge(alert.severity),
        ` ${alert.message}`,
        alert.count > 1 && ` (${alert.count} times)`,
        el("span", { class: "quiet" }, ` ${time(alert.last_at)} UTC. ${alert.next_step}`),
        alert.acknowledged_by &&
          el("p", { class: "quiet" }, `Acknowledged by ${alert.acknowledged_by}: ${alert.acknowledged_reason}`),
        alert.closed_by && el("p", { class: "quiet" }, `Closed by ${alert.closed_by}: ${alert.closed_reason}`),
        changed && !alert.over_at && form(alert, changed),
      ),
    ),
  );
}

function form(alert, changed) {
  const reason = el("input", { type: "text", required: true, maxlength: 1000, "aria-label": `Reason, alert ${alert.id}` });
  const answer = el("span", { role: "status" });
  const button = (word) => el("button", { type: "submit", value: word.toLowerCase() }, word);
  return el(
    "details",
    {},
    el("summary", {}, "Acknowledge or close"),
    el(
      "form",
      {
        class: "tools",
        onsubmit: async (event) => {
          event.preventDefault();
          try {
            await post(`/alerts/${alert.id}/${event.submitter.value}`, { reason: reason.value });
            reason.value = "";
            document.activeElement?.blur();
            await changed();
          } catch (error) {
            answer.replaceChildren(el("span", { class: "problem" }, error.message));
          }
        },
      },
      reason,
      " ",
      button("Acknowledge"),
      " ",
      button("Close"),
      " ",
      answer,
    ),
  );
}
