/* A run that is told in pieces: one stream of events, each with the pieces of the page that it changes, drawn by the server.
   Without this file the same page reloads. */
import { announcer } from "../web/say.js";

const FINAL = ["done", "failed", "cancelled"];
const TOLD = ["queued", "loading", "result", "prediction", ...FINAL];
const RECONNECT = 3000;
const PATIENCE = 20;

class Live {
  constructor(section) {
    this.section = section;
    this.part = (name) => section.querySelector(`[data-${name}]`);
    this.say = announcer(this.part("say"));
    this.after = section.dataset.after;
    this.failures = 0;
    this.part("stop")?.addEventListener("submit", (event) => this.stop(event));
  }

  get isFinal() { return FINAL.includes(this.section.dataset.state); }

  open() {
    const address = new URL(this.section.dataset.events, location.href);
    address.searchParams.set("html", "1");
    if (this.after) address.searchParams.set("after", this.after);
    const stream = new EventSource(address);
    this.stream = stream;
    for (const name of TOLD) {
      stream.addEventListener(name, (event) => {
        if (event.lastEventId) this.after = event.lastEventId;
        this.failures = 0;
        this.tell(JSON.parse(event.data));
      });
    }
    stream.addEventListener("error", () => this.lost(stream));
  }

  tell(told) {
    const hadFocus = this.part("stop")?.contains(document.activeElement);
    this.section.dataset.state = told.status;
    for (const [name, html] of Object.entries(told.pieces ?? {})) put(name, html);
    if (told.progress) this.advance(...told.progress);
    this.show(told.sentence, { now: this.isFinal });
    if (!this.isFinal) return;
    this.close();
    this.part("stop")?.remove();
    for (const part of document.querySelectorAll(`[data-shown-when="${told.status}"]`)) part.hidden = false;
    if (hadFocus) (this.section.querySelector(".result h3") ?? this.section.querySelector("h2")).focus();
  }

  advance(ran, of) {
    const bar = this.part("progress");
    bar.max = of || 1;
    bar.value = ran;
  }

  show(sentence, how) {
    this.part("sentence").textContent = sentence;
    this.say(sentence, how);
  }

  lost(stream) {
    if (this.isFinal || stream !== this.stream) return;
    this.failures += 1;
    if (this.failures > PATIENCE) {
      this.close();
      this.show(this.section.dataset.gone, { now: true });
      return;
    }
    this.show(this.section.dataset.lost);
    if (stream.readyState === EventSource.CLOSED) {
      stream.close();
      this.timer = setTimeout(() => this.open(), RECONNECT);
    }
  }

  async stop(event) {
    event.preventDefault();
    const form = event.target;
    this.show(this.section.dataset.stopping, { now: true });
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
      if (answer.type !== "opaqueredirect" && !answer.ok) form.submit();
    } catch {
      form.submit();
    }
  }

  close() {
    clearTimeout(this.timer);
    this.stream?.close();
    this.stream = null;
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
  place.dispatchEvent(new CustomEvent("piece", { bubbles: true }));
}

for (const section of document.querySelectorAll("[data-live]")) {
  const live = new Live(section);
  if (live.isFinal) continue;
  live.open();
  addEventListener("pagehide", () => live.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted && !live.isFinal) live.open();
  });
}
