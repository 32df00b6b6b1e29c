/* A run as its page follows it: one stream of events, opened again when it breaks off, and the button that stops the run. */
import { announcer } from "../web/say.js";

const FINAL = ["done", "failed", "cancelled"];
const RECONNECT = 3000;
const PATIENCE = 20; // failures in a row: the network is gone

const followed = new Set();

/** The element that a piece of HTML from this site describes. */
export function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

/** Says that a piece of the page has come, so that what works on pieces of its kind (sliders, copy buttons) looks at it. */
export function arrived(piece) {
  piece.dispatchEvent(new CustomEvent("piece", { bubbles: true }));
}

/** A run on the page. What its events mean is told by `acts`, a function by the name of each. */
export class FollowedRun {
  constructor(section, { say } = {}) {
    this.section = section;
    this.part = (name) => section.querySelector(`[data-${name}]`);
    this.say = say ?? announcer(this.part("say"));
    this.after = section.dataset.after;
    this.failures = 0;
    this.part("stop")?.addEventListener("submit", (event) => this.stop(event));
  }

  get state() { return this.section.dataset.state; }
  set state(name) { this.section.dataset.state = name; }
  get isFinal() { return FINAL.includes(this.state); }

  /** Follow the run until it is over or the page is left, and again when the page is come back to. */
  follow() {
    followed.add(this);
    this.open();
  }

  leave() {
    followed.delete(this);
    this.close();
  }

  open() {
    const address = new URL(this.section.dataset.events, location.href);
    address.searchParams.set("html", "1");
    if (this.after) address.searchParams.set("after", this.after);
    const stream = new EventSource(address);
    this.stream = stream;
    for (const [name, act] of Object.entries(this.acts())) {
      stream.addEventListener(name, (event) => {
        if (event.lastEventId) this.after = event.lastEventId;
        this.failures = 0;
        act(JSON.parse(event.data));
      });
    }
    stream.addEventListener("error", () => this.lost(stream));
  }

  close() {
    clearTimeout(this.timer);
    this.stream?.close();
    this.stream = null;
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
    if (stream.readyState === EventSource.CLOSED) { // an answer that is no stream: the browser itself asks no more
      stream.close();
      this.timer = setTimeout(() => this.open(), RECONNECT);
    }
  }

  show(sentence, how) {
    this.part("sentence").textContent = sentence;
    this.say(sentence, how);
  }

  /** The stream and Stop go; whoever stood on Stop is led to what came out. */
  over() {
    const stop = this.part("stop");
    const hadFocus = stop?.contains(document.activeElement);
    this.leave();
    stop?.remove();
    if (hadFocus) this.focus();
  }

  focus() {
    (this.section.querySelector(".result h3") ?? this.section.querySelector("h2")).focus();
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
}

/** What a run found out besides its stages: in the order in which it came, once under each name. */
export function found(place, data) {
  const old = [...place.children].find((one) => one.dataset.name === data.name);
  const piece = old ?? document.createElement("div");
  piece.dataset.name = data.name;
  piece.innerHTML = data.html ?? "";
  if (!old) place.append(piece);
  arrived(piece);
}

addEventListener("pagehide", () => { for (const run of followed) run.close(); });
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const run of followed) run.open();
});
