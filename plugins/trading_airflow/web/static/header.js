// What every page has: the colours of Airflow, and the switch between the viewer's and the exchange's time.

import "./theme.js";
import { chooseZone, chosenZone, zones } from "./format.js";

const choice = document.getElementById("zone");

if (choice) {
  choice.value = chosenZone();
  for (const option of choice.options) option.textContent += ` (${zones[option.value]})`;
  choice.addEventListener("change", () => chooseZone(choice.value));
}
