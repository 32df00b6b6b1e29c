/* Live runs: the form asks, one stream of events fills the film, Stop stops. Without this file the same pages reload. */
import { announcer } from "../web/say.js";
import { slidersIn } from "./heat.js";

const FINAL = ["done", "failed", "cancelled"];
const RECONNECT = 3000;
const PATIENCE = 20;
let following = null; // one stream per tab

const jsonOf = (event) => JSON.parse(event.data);

/** The element that a piece of HTML from this site describes. */
function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

/** Show the lesson's explanation, which is about its first photo, after a run of that photo. */
function explain(run) {
  const why = run?.querySelector("[data-run-why]");
  if (why) why.hidden = !run.querySelector("[data-own]").form.elements.sample[0].checked;
}

class Trace {
  constructor(section) {
    this.section = section;
    this.part = (name) => section.querySelector(`[data-${name}]`);
    this.say = announcer(this.part("say"));
    this.after = section.dataset.after;
    this.failures = 0;
    this.part("stop")?.addEventListener("submit", (event) => this.stop(event));
    this.part("play")?.addEventListener("click", () => this.play());
    if (this.part("play")) this.part("play").hidden = false;
  }

  get state() { return this.section.dataset.state; }
  set state(name) { this.section.dataset.state = name; }
  get isFinal() { return FINAL.includes(this.state); }

  follow() {
    following?.close();
    following = this;
    this.open();
  }

  open() {
    const address = new URL(this.section.dataset.events, location.href);
    address.searchParams.set("html", "1");
    if (this.after) address.searchParams.set("after", this.after);
    const stream = new EventSource(address);
    this.stream = stream;
    const on = (name, act) => stream.addEventListener(name, (event) => {
      if (event.lastEventId) this.after = event.lastEventId;
      this.failures = 0;
      act(jsonOf(event));
    });
    on("queued", (data) => this.tell("queued", data.sentence));
    on("loading", (data) => this.tell("loading", data.sentence));
    on("late", (data) => this.show(data.sentence));
    on("stage", (data) => this.stage(data));
    on("prediction", (data) => this.fill("result", data.html));
    on("result", (data) => this.found(data));
    for (const name of FINAL) on(name, (data) => this.end(name, data));
    stream.addEventListener("error", () => this.lost(stream));
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

  tell(state, sentence) {
    this.state = state;
    this.show(sentence);
  }

  show(sentence, how) {
    this.part("sentence").textContent = sentence;
    this.say(sentence, how);
  }

  stage(data) {
    this.put(data.index, element(data.html));
    const bar = this.part("progress");
    bar.max = data.total;
    if (data.index + 1 < bar.value) return; // a second attempt runs what is already shown
    bar.value = data.index + 1;
    this.tell("running", data.sentence);
  }

  put(index, frame) {
    const frames = this.section.querySelector(".frames");
    const old = frames.querySelector(`[data-index="${index}"]`);
    if (old) old.replaceWith(frame);
    else frames.append(frame);
    const film = frames.closest(".film");
    const hidden = frame.offsetLeft + frame.offsetWidth - film.clientWidth - film.scrollLeft;
    if (hidden > 0 && !film.matches(":hover, :focus-within")) film.scrollLeft += hidden;
  }

  fill(name, html) {
    this.part(name).innerHTML = html ?? "";
  }

  /** What the run found out besides its stages: in the order in which it came, once under each name. */
  found(data) {
    const place = this.part("found");
    const old = [...place.children].find((one) => one.dataset.name === data.name);
    const piece = old ?? document.createElement("div");
    piece.dataset.name = data.name;
    piece.innerHTML = data.html ?? "";
    if (!old) place.append(piece);
    place.dispatchEvent(new CustomEvent("found", { bubbles: true, detail: data }));
  }

  end(name, data) {
    this.close();
    const hadFocus = this.part("stop")?.contains(document.activeElement);
    this.state = name;
    this.part("stop")?.remove();
    this.fill("end", data.html);
    this.show(data.sentence, { now: true });
    if (name === "done") {
      for (const frame of this.section.querySelectorAll(".frame.waiting")) frame.remove(); // promised, but not of this run
      explain(this.section.closest("[data-run]"));
      this.section.dispatchEvent(new CustomEvent("ended", { bubbles: true }));
    }
    if (hadFocus) (this.section.querySelector(".result h3") ?? this.section.querySelector("h2")).focus();
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

  /** The stored film once more, frame by frame, at the pace it had (never slower than 4 s in all). */
  async play() {
    const frames = [...this.section.querySelectorAll(".frame")];
    const pause = Math.min(350, 4000 / Math.max(1, frames.length));
    const button = this.part("play");
    button.disabled = true;
    const bar = this.part("progress");
    const result = this.part("result");
    result.hidden = true;
    for (const frame of frames) frame.classList.add("unplayed");
    for (const [index, frame] of frames.entries()) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      frame.classList.remove("unplayed");
      bar.value = index + 1;
      const film = frame.closest(".film");
      film.scrollLeft = Math.max(0, frame.offsetLeft + frame.offsetWidth - film.clientWidth + 16);
    }
    result.hidden = false;
    button.disabled = false;
    this.say(this.part("sentence").textContent, { now: true });
  }

  close() {
    clearTimeout(this.timer);
    this.stream?.close();
    this.stream = null;
  }
}

class RunForm {
  constructor(form) {
    this.form = form;
    this.run = form.closest("[data-run]");
    this.own = form.querySelector("[data-own]");
    this.file = form.querySelector("[data-file]");
    this.go = form.querySelector("[data-go]");
    this.error = form.querySelector("[data-run-error]");
    this.status = form.querySelector("[data-run-status]");
    this.idle = this.status.textContent;
    form.querySelector("[data-paste]").hidden = false;
    form.addEventListener("submit", (event) => this.submit(event));
    this.file.addEventListener("change", () => this.chosen());
    for (const radio of form.elements.sample) radio.addEventListener("change", () => this.sampleChosen());
    this.askAboutPhoto();
    this.acceptDrops(this.own.closest(".photo"));
    document.addEventListener("paste", (event) => this.pasted(event));
  }

  chosen() {
    const file = this.file.files[0];
    const preview = this.form.querySelector("[data-preview]");
    if (preview.src) URL.revokeObjectURL(preview.src);
    preview.hidden = !file;
    if (!file) return;
    this.own.checked = true;
    this.askAboutPhoto();
    preview.onerror = () => { preview.hidden = true; }; // a format that only the server reads
    preview.src = URL.createObjectURL(file);
  }

  /** The lesson's question is about its first photo; about any other the learner is asked freely. */
  askAboutPhoto() {
    const guess = this.form.querySelector("[data-guess]");
    if (!guess) return;
    const isFirst = this.form.elements.sample[0].checked;
    const freely = this.form.querySelector("[data-guess-freely]");
    guess.hidden = guess.disabled = !isFirst;
    for (const radio of guess.querySelectorAll("input")) radio.required = isFirst;
    freely.hidden = freely.querySelector("input").disabled = isFirst;
  }

  sampleChosen() {
    this.askAboutPhoto();
    if (this.own.checked || !this.file.value) return;
    this.file.value = "";
    this.chosen();
  }

  take(files) {
    const file = [...files].find((one) => one.type.startsWith("image/")) ?? files[0];
    if (!file) return false;
    const carrier = new DataTransfer();
    carrier.items.add(file);
    this.file.files = carrier.files;
    this.chosen();
    return true;
  }

  acceptDrops(place) {
    const over = (is) => (event) => { event.preventDefault(); place.classList.toggle("over", is); };
    place.addEventListener("dragover", over(true));
    place.addEventListener("dragleave", over(false));
    place.addEventListener("drop", (event) => { over(false)(event); this.take(event.dataTransfer.files); });
  }

  pasted(event) {
    if (event.target.closest?.("textarea, input:not([type=radio], [type=file]), [contenteditable]")) return;
    if (event.clipboardData?.files.length && this.take(event.clipboardData.files)) event.preventDefault();
  }

  async submit(event) {
    event.preventDefault();
    if (this.go.disabled) return;
    this.go.disabled = true;
    this.error.replaceChildren();
    this.status.textContent = this.status.dataset.sending;
    try {
      const answer = await fetch(this.form.action, {
        method: "POST", body: new FormData(this.form), headers: { Accept: "application/json" },
      });
      const told = await answer.json();
      if (answer.ok) this.begin(told);
      else this.refused(told.detail ?? told.title);
    } catch {
      this.refused(this.error.dataset.unreachable);
    }
    this.go.disabled = false;
    this.status.textContent = this.idle;
  }

  refused(sentence) {
    const box = document.createElement("p");
    box.className = "notice wrong";
    box.textContent = sentence;
    this.error.replaceChildren(box);
  }

  begin(told) {
    const section = element(told.html);
    this.run.querySelector("[data-run-output]").replaceChildren(section);
    slidersIn(section);
    const trace = new Trace(section);
    if (trace.isFinal) {
      following?.close();
      following = null;
      explain(this.run);
      trace.show(told.sentence, { now: true });
      section.dispatchEvent(new CustomEvent("ended", { bubbles: true }));
      (section.querySelector(".result h3") ?? section.querySelector("h2")).focus();
    } else {
      trace.say(section.dataset.began, { now: true });
      section.querySelector("[data-stop] button")?.focus();
      trace.follow();
    }
  }
}

for (const form of document.querySelectorAll("[data-run-form]")) new RunForm(form);
for (const section of document.querySelectorAll("[data-trace]")) {
  const trace = new Trace(section);
  if (!trace.isFinal) trace.follow();
}
addEventListener("pagehide", () => following?.close());
addEventListener("pageshow", (event) => {
  if (event.persisted && following && !following.isFinal) following.open();
});
