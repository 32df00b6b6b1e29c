/* Closer looks: each form asks, one stream of events brings what was found. Without this file the same forms load pages. */
import { announcer } from "../web/say.js";
import { slidersIn } from "./heat.js";

const ENDS = ["done", "failed", "cancelled"];
const PATIENCE = 20;

function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

/** One look that was asked for: its place in the page, filled as it comes. */
class Taken {
  constructor(place, look) {
    this.place = place;
    this.look = look;
    this.failures = 0;
  }

  get isFinal() { return ENDS.includes(this.place.dataset.state); }

  follow() {
    const address = new URL(this.place.dataset.events, location.href);
    address.searchParams.set("html", "1");
    if (this.place.dataset.after) address.searchParams.set("after", this.place.dataset.after);
    const stream = new EventSource(address);
    const on = (name, act) => stream.addEventListener(name, (event) => { this.failures = 0; act(JSON.parse(event.data)); });
    for (const name of ["queued", "loading", "late"]) on(name, (told) => this.tell(told.sentence));
    on("result", (told) => this.found(told));
    for (const name of ENDS) on(name, (told) => { stream.close(); this.end(name, told); });
    stream.addEventListener("error", () => {
      this.failures += 1;
      if (this.failures <= PATIENCE && stream.readyState !== EventSource.CLOSED) return;
      stream.close();
      this.tell(this.look.root.dataset.lost);
    });
    addEventListener("pagehide", () => stream.close());
  }

  tell(sentence) {
    this.place.querySelector("[data-sentence]").textContent = sentence;
    this.look.say(sentence);
  }

  found(told) {
    const all = this.place.querySelector("[data-found]");
    const old = [...all.children].find((one) => one.dataset.name === told.name);
    const piece = old ?? document.createElement("div");
    piece.dataset.name = told.name;
    piece.innerHTML = told.html ?? "";
    if (!old) all.append(piece);
    slidersIn(piece);
  }

  end(state, told) {
    this.place.dataset.state = state;
    this.tell(told.error ? `${told.error.detail} ${told.error.next_action}` : told.sentence);
    if (state === "done") this.look.show(this.place);
  }
}

class Look {
  constructor(root) {
    this.root = root;
    this.say = announcer(root.querySelector("[data-look-say]"));
    for (const form of root.querySelectorAll("[data-look-form]")) {
      form.addEventListener("submit", (event) => { event.preventDefault(); this.ask(form); });
    }
    root.addEventListener("click", (event) => this.clicked(event));
    root.addEventListener("keydown", (event) => this.pressed(event));
    for (const place of root.querySelectorAll("[data-taken]")) {
      const taken = new Taken(place, this);
      if (!taken.isFinal) taken.follow();
    }
  }

  form(name) { return this.root.querySelector(`[data-look-form="${name}"]`); }

  async ask(form) {
    const status = form.querySelector("[data-look-status]");
    const error = form.querySelector("[data-look-error]");
    error.replaceChildren();
    status.textContent = this.root.dataset.sending;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (answer.ok) this.begin(form.dataset.lookForm, told);
      else this.refuse(error, told.detail ?? told.title);
    } catch {
      this.refuse(error, this.root.dataset.unreachable);
    }
    status.textContent = "";
  }

  refuse(place, sentence) {
    const box = document.createElement("p");
    box.className = "notice wrong";
    box.textContent = sentence;
    place.replaceChildren(box);
  }

  begin(name, told) {
    const place = element(told.html);
    this.root.querySelector(`[data-taken-for="${name}"]`).replaceChildren(place);
    slidersIn(place);
    this.keep(name, told.id);
    const taken = new Taken(place, this);
    if (taken.isFinal) { this.say(told.sentence, { now: true }); this.show(place); }
    else taken.follow();
  }

  /** The address names the looks on the page, so that reloading it shows them again. */
  keep(name, id) {
    const address = new URL(location.href);
    address.searchParams.set(name, id);
    history.replaceState(null, "", address);
  }

  show(place) {
    const title = place.querySelector("h3[tabindex]");
    if (title) title.focus();
  }

  /** Where on the sheet a point lies: channel, row and column. */
  cell(form, x, y) {
    const [tileHeight, tileWidth] = form.dataset.tile.split(",").map(Number);
    const [height, width] = form.dataset.grid.split(",").map(Number);
    const columns = Number(form.dataset.columns);
    const channels = form.dataset.channels.split(",");
    const column = Math.min(columns - 1, Math.floor(x / tileWidth));
    const number = Math.min(channels.length - 1, Math.floor(y / tileHeight) * columns + column);
    const inside = (at, tile, cells) => Math.min(cells - 1, Math.max(0, Math.floor(((at % tile) * cells) / tile)));
    return { number, channel: channels[number], y: inside(y, tileHeight, height), x: inside(x, tileWidth, width) };
  }

  clicked(event) {
    const layer = event.target.closest("[data-unit-layer]");
    if (layer && this.form("unit")) {
      event.preventDefault();
      const { unitLayer, channel, y, x } = layer.dataset;
      this.askUnit({ layer: unitLayer, channel, y, x });
      return;
    }
    const form = event.target.closest("[data-pick]");
    if (!form || event.target.type !== "image" || !this.form("unit")) return;
    event.preventDefault();
    if (event.detail === 0 && form.cursor) return; // a key: the cursor has been there
    const box = event.target.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * event.target.width;
    const y = ((event.clientY - box.top) / box.height) * event.target.height;
    this.pick(form, this.cell(form, Math.max(0, x), Math.max(0, y)));
  }

  pick(form, cell) {
    this.point(form, cell);
    this.askUnit({ stage: form.dataset.pick, layer: "", channel: cell.channel, y: cell.y, x: cell.x });
  }

  askUnit(values) {
    const unit = this.form("unit");
    for (const [name, value] of Object.entries(values)) unit.elements[name].value = value;
    unit.requestSubmit();
  }

  /** Arrows move over the cells of the sheet, from map to map at the edges; Enter and space choose. */
  pressed(event) {
    const form = event.target.closest("[data-pick]");
    if (!form || event.target.type !== "image" || !this.form("unit")) return;
    const [height, width] = form.dataset.grid.split(",").map(Number);
    const columns = Number(form.dataset.columns);
    const count = form.dataset.channels.split(",").length;
    const cell = form.cursor ?? { number: 0, y: 0, x: 0 };
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.pick(form, { ...cell, channel: form.dataset.channels.split(",")[cell.number] });
    }
    if (!step) return;
    event.preventDefault();
    const rows = Math.ceil(count / columns);
    const wide = (cell.number % columns) * width + cell.x + step[1];
    const high = Math.floor(cell.number / columns) * height + cell.y + step[0];
    if (wide < 0 || high < 0 || wide >= columns * width || high >= rows * height) return;
    const number = Math.floor(high / height) * columns + Math.floor(wide / width);
    if (number >= count) return;
    const moved = { number, y: high % height, x: wide % width, channel: form.dataset.channels.split(",")[number] };
    this.point(form, moved);
    const words = this.root.dataset.at;
    this.say(words.replace("%channel%", moved.channel).replace("%y%", moved.y).replace("%x%", moved.x));
  }

  point(form, cell) {
    const [tileHeight, tileWidth] = form.dataset.tile.split(",").map(Number);
    const [height, width] = form.dataset.grid.split(",").map(Number);
    const columns = Number(form.dataset.columns);
    const cursor = form.querySelector("[data-cursor]");
    const rect = cursor.querySelector("rect");
    const set = (name, value) => rect.setAttribute(name, value);
    set("x", (cell.number % columns) * tileWidth + (cell.x * tileWidth) / width);
    set("y", Math.floor(cell.number / columns) * tileHeight + (cell.y * tileHeight) / height);
    set("width", Math.max(3, tileWidth / width));
    set("height", Math.max(3, tileHeight / height));
    cursor.removeAttribute("hidden");
    form.cursor = cell;
  }
}

for (const root of document.querySelectorAll("[data-look]")) new Look(root);

/* A photo that was just run on this page can be looked into. */
for (const place of document.querySelectorAll("[data-look-next]")) {
  place.addEventListener("ended", (event) => {
    const onward = place.querySelector("[data-look-onward]");
    const address = new URL(place.dataset.lookNext, location.href);
    address.searchParams.set("trace", event.target.dataset.trace);
    onward.querySelector("a").href = address;
    onward.hidden = false;
  });
}
