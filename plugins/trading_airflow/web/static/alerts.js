// Alerts as a list.

import { badge, el, time } from "./dom.js";

export function alertList(alerts) {
  return el(
    "ul",
    { class: "alerts" },
    alerts.map((alert) =>
      el(
        "li",
        {},
        badge(alert.severity),
        ` ${alert.message}`,
        alert.count > 1 && ` (${alert.count} times)`,
        el("span", { class: "quiet" }, ` ${time(alert.last_at)} UTC. ${alert.next_step}`),
      ),
    ),
  );
}
