// Loads of a page: each by itself, so that one that fails leaves the others, and all again after an act or a while.

import { el, show, showProblem } from "./dom.js";

export async function attempt(...loads) {
  const done = await Promise.allSettled(loads.map((load) => load()));
  const failed = done.find((each) => each.status === "rejected");
  showProblem(failed ? failed.reason : null);
}

export function every(milliseconds, load) {
  setTimeout(async () => {
    if (!document.hidden) await load();
    every(milliseconds, load);
  }, milliseconds);
}

// What came of an act stays in sight until the next one, whatever is drawn again below.
export function say(words) {
  document.getElementById("said").replaceChildren(words);
}

// Only the newest question is answered: an older one's answer may come later.
export class Newest {
  constructor(ask, draw, place, words) {
    Object.assign(this, { ask, draw, place, words, asked: 0 });
  }

  // What was said before an act is not true any more: it goes at once, and the answer comes when it is there.
  again() {
    show(this.place, el("p", { class: "quiet" }, this.words));
    return this.load();
  }

  async load() {
    this.asked += 1;
    const mine = this.asked;
    try {
      const found = await this.ask();
      if (mine === this.asked) this.draw(found);
    } catch (error) {
      if (mine === this.asked) show(this.place, el("p", { class: "problem" }, error.message));
    }
  }
}
