/* A film, played or stepped through. Without this file the whole film is there at once, and the controls are not. */

const WHOLE_FILM = 4000; // ms, whatever its number of frames
const LONGEST_FRAME = 350;

class Replay {
  constructor(figure) {
    this.figure = figure;
    this.frames = [...figure.querySelectorAll(".frame")];
    this.outcomes = figure.querySelectorAll("[data-outcome]");
    this.at = this.frames.length;
    this.timer = 0;
    const controls = figure.querySelector("[data-controls]");
    controls.hidden = false;
    this.button = controls.querySelector("[data-play]");
    this.words = { play: this.button.textContent, pause: this.button.dataset.pause };
    this.said = controls.querySelector("[data-at]");
    this.button.addEventListener("click", () => (this.timer ? this.pause() : this.play()));
    controls.querySelector("[data-back]").addEventListener("click", () => this.step(-1));
    controls.querySelector("[data-on]").addEventListener("click", () => this.step(this.isWhole ? 1 - this.at : 1)); // anew
    controls.querySelector("[data-all]").addEventListener("click", () => this.step(this.frames.length));
  }

  get isWhole() { return this.at === this.frames.length; }

  /** Show the first `count` frames; what came out is told with the last one. */
  show(count) {
    this.at = Math.max(1, Math.min(count, this.frames.length));
    this.frames.forEach((frame, index) => frame.classList.toggle("unplayed", index >= this.at));
    for (const outcome of this.outcomes) outcome.hidden = !this.isWhole;
    const last = this.frames[this.at - 1];
    const film = last.closest(".film");
    film.scrollLeft = Math.max(0, last.offsetLeft + last.offsetWidth - film.clientWidth + 16);
    if (!this.timer || this.isWhole) this.tell();
  }

  /** Say where the film stands; while it plays only its end is said. */
  tell() {
    const [before, between, after] = this.said.dataset.said.split("%s");
    this.said.textContent = `${before}${this.at}${between}${this.frames.length}${after ?? ""}`;
  }

  play() {
    if (this.isWhole) this.show(1);
    this.button.textContent = this.words.pause;
    this.said.textContent = "";
    const pace = Math.min(LONGEST_FRAME, WHOLE_FILM / this.frames.length);
    this.timer = setInterval(() => {
      this.show(this.at + 1);
      if (this.isWhole) this.pause();
    }, pace);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.button.textContent = this.words.play;
    this.tell();
  }

  step(frames) {
    if (this.timer) this.pause();
    this.show(this.at + frames);
  }
}

/** Offers the controls of each film inside `root` that has all its frames. */
function filmsIn(root) {
  for (const figure of root.querySelectorAll('[data-replay]:not([data-state]), [data-replay][data-state="done"]')) {
    if (figure.querySelector("[data-controls][hidden]")) new Replay(figure);
  }
}

filmsIn(document);
document.addEventListener("ended", (event) => filmsIn(event.target.parentElement)); // a run on this page is done
