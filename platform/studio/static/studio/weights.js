/* Downloads, live: each of one's own is followed by its run's events. Without this file the region asks again by itself. */
import { announcer } from "../web/say.js";

const FINAL = ["done", "failed", "cancelled"];
const MIB = 1024 ** 2;
const speak = announcer(document.querySelector("[data-say]"), 10_000);
const streams = new Map(); // by address: htmx replaces the region while a stream is open

function follow(address, after) {
  const url = new URL(address, location.href);
  if (after) url.searchParams.set("after", after);
  const stream = new EventSource(url);
  streams.set(address, stream);
  stream.addEventListener("result", (event) => {
    const told = JSON.parse(event.data);
    if (told.name.startsWith("progress:")) show(address, told.figures);
  });
  for (const name of ["queued", "loading"]) {
    stream.addEventListener(name, (event) => say(address, JSON.parse(event.data).sentence));
  }
  for (const name of FINAL) {
    stream.addEventListener(name, () => {
      stream.close();
      location.reload();
    });
  }
}

/** The item of this download, wherever it is on the page by now. */
const itemOf = (address) => document.querySelector(`[data-download][data-events="${CSS.escape(address)}"]`);

function say(address, sentence) {
  const line = itemOf(address)?.querySelector("[data-sentence]");
  if (line) line.textContent = sentence;
}

function show(address, figures) {
  const item = itemOf(address);
  if (!item || !figures.total) return;
  const percent = Math.floor((100 * figures.bytes) / figures.total);
  item.querySelector("[data-progress]").value = percent;
  const words = { percent, total: Math.round(figures.total / MIB), rate: (figures.bytes_per_second / MIB).toFixed(1) };
  const sentence = item.dataset.said.replace(/%(percent|total|rate)%/g, (_, name) => words[name]);
  say(address, sentence);
  speak(sentence);
}

for (const item of document.querySelectorAll("[data-download]")) {
  if (!streams.has(item.dataset.events)) follow(item.dataset.events, item.dataset.after);
}
addEventListener("pagehide", () => { for (const stream of streams.values()) stream.close(); });
