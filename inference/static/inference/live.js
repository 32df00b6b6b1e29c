/* A run that is told in pieces: one stream of events, each with the pieces of the page that it changes, drawn by the server.
   Without this file the same page reloads. */
import { FollowedRun, arrived } from "./followed.js";

const TOLD = ["queued", "loading", "result", "prediction", "done", "failed", "cancelled"];

class Live extends FollowedRun {
  acts() {
    return Object.fromEntries(TOLD.map((name) => [name, (told) => this.tell(told)]));
  }

  tell(told) {
    this.state = told.status;
    for (const [name, html] of Object.entries(told.pieces ?? {})) put(name, html);
    if (told.progress) this.advance(...told.progress);
    this.show(told.sentence, { now: this.isFinal });
    if (!this.isFinal) return;
    for (const part of document.querySelectorAll(`[data-shown-when="${told.status}"]`)) part.hidden = false;
    this.over();
    this.section.dispatchEvent(new CustomEvent("ended", { bubbles: true }));
  }

  advance(ran, of) {
    const bar = this.part("progress");
    bar.max = of || 1;
    bar.value = ran;
  }
}

/** A piece of the page drawn anew: what was unfolded, and where a table was scrolled to, stay. */
function put(name, html) {
  const place = document.querySelector(`[data-piece="${name}"]`);
  if (!place) return;
  const open = [...place.querySelectorAll("details")].map((details) => details.open);
  const scrolled = [...place.querySelectorAll(".table")].map((table) => table.scrollLeft);
  const focused = [...place.querySelectorAll("summary, .table")].indexOf(document.activeElement);
  place.innerHTML = html;
  for (const [index, details] of place.querySelectorAll("details").entries()) details.open = open[index] ?? details.open;
  for (const [index, table] of place.querySelectorAll(".table").entries()) table.scrollLeft = scrolled[index] ?? 0;
  if (focused >= 0) place.querySelectorAll("summary, .table")[focused]?.focus({ preventScroll: true });
  arrived(place);
}

for (const section of document.querySelectorAll("[data-live]")) {
  const live = new Live(section);
  if (!live.isFinal) live.follow();
}
