/* Live runs: the form asks, one stream of events fills the film, Stop stops. Without this file the same pages reload. */
import { FollowedRun, arrived, element, found } from "./followed.js";
import "./film.js";
import "./heat.js";

let following = null; // one stream per tab

class Trace extends FollowedRun {
  follow() {
    following?.leave();
    following = this;
    super.follow();
  }

  acts() {
    return {
      queued: (data) => this.tell("queued", data.sentence),
      loading: (data) => this.tell("loading", data.sentence),
      late: (data) => this.show(data.sentence),
      stage: (data) => this.stage(data),
      prediction: (data) => this.fill("result", data.html),
      result: (data) => found(this.part("found"), data),
      done: (data) => this.end("done", data),
      failed: (data) => this.end("failed", data),
      cancelled: (data) => this.end("cancelled", data),
    };
  }

  tell(state, sentence) {
    this.state = state;
    this.show(sentence);
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

  end(name, data) {
    this.state = name;
    this.fill("end", data.html);
    this.show(data.sentence, { now: true });
    if (name === "done") this.done();
    this.over();
  }

  /** Whatever waits on this page for the run to be done is told. */
  done() {
    for (const frame of this.section.querySelectorAll(".frame.waiting")) frame.remove(); // promised, but not of this run
    this.section.dispatchEvent(new CustomEvent("ended", { bubbles: true }));
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
    this.run.addEventListener("ended", (event) => this.showBelow(event.target));
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
    this.showBelow(null);
    this.run.querySelector("[data-run-output]").replaceChildren(section);
    arrived(section);
    const trace = new Trace(section);
    if (trace.isFinal) {
      following?.leave();
      following = null;
      trace.show(told.sentence, { now: true });
      if (trace.state === "done") trace.done();
      trace.focus();
    } else {
      trace.say(section.dataset.began, { now: true });
      section.querySelector("[data-stop] button")?.focus();
      trace.follow();
    }
  }

  /** What stands below a run that is done: the lesson's explanation, which is about its first photo, and the run's own page. */
  showBelow(section) {
    const why = this.run.querySelector("[data-run-why]");
    if (why) why.hidden = section?.dataset.photo !== why.dataset.photo;
    const page = this.run.querySelector("[data-run-page]");
    page.hidden = !section;
    if (section) page.querySelector("a").href = section.dataset.url;
  }
}

for (const form of document.querySelectorAll("[data-run-form]")) new RunForm(form);
for (const section of document.querySelectorAll("[data-trace]")) {
  const trace = new Trace(section);
  if (!trace.isFinal) trace.follow();
}
