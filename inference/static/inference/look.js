/* Closer looks: each form asks, one stream of events brings what was found. Without this file the same forms load pages. */
import { announcer } from "../web/say.js";
import { FollowedRun, arrived, element, found } from "./followed.js";
import "./heat.js";

/** One look that was asked for: its place in the page, filled as it comes. */
class Taken extends FollowedRun {
  acts() {
    return {
      queued: (told) => this.show(told.sentence),
      loading: (told) => this.show(told.sentence),
      late: (told) => this.show(told.sentence),
      result: (told) => found(this.part("found"), told),
      done: (told) => this.end("done", told),
      failed: (told) => this.end("failed", told),
      cancelled: (told) => this.end("cancelled", told),
    };
  }

  end(state, told) {
    this.state = state;
    this.show(told.error ? `${told.error.detail} ${told.error.next_action}` : told.sentence);
    this.over();
    if (state === "done") this.focus();
  }

  focus() {
    this.section.querySelector("h3[tabindex]")?.focus();
  }
}

class Look {
  constructor(root) {
    this.root = root;
    this.say = announcer(root.querySelector("[data-look-say]"));
    this.taken = {};
    for (const form of root.querySelectorAll("[data-look-form]")) {
      form.addEventListener("submit", (event) => { event.preventDefault(); this.ask(form); });
    }
    root.addEventListener("click", (event) => this.clicked(event));
    root.addEventListener("keydown", (event) => this.pressed(event));
    for (const place of root.querySelectorAll("[data-taken]")) {
      const taken = new Taken(place, { say: this.say });
      this.taken[place.closest("[data-taken-for]").dataset.takenFor] = taken;
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
    this.taken[name]?.leave();
    this.root.querySelector(`[data-taken-for="${name}"]`).replaceChildren(place);
    arrived(place);
    this.keep(name, told.id);
    const taken = this.taken[name] = new Taken(place, { say: this.say });
    if (taken.isFinal) { this.say(told.sentence, { now: true }); taken.focus(); }
    else taken.follow();
  }

  /** The address names the looks on the page, so that reloading it shows them again. */
  keep(name, id) {
    const address = new URL(location.href);
    address.searchParams.set(name, id);
    history.replaceState(null, "", address);
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
