// The studio's forms work without this. It adds: rows without a reload, a live preview, insert buttons, addresses made of
// titles, drafts that save themselves, and a warning before words that can't be saved are left behind.

import { autosave } from "./autosave.js";

const PREVIEW_AFTER = 500; // milliseconds without a keystroke

// What each insert button puts before and after the chosen words.
const BLOCKS = {
  section: ["\n## ", "\n"],
  figure: ["{{ resnet50.parameters | millions }}", ""],
  code: ["\n```python id=my-sample\n", "\n```\n"],
  predict: ["\n::: predict ", "\n\n:::\n"],
  insight: ["\n::: insight\n", "\n:::\n"],
  note: ["\n::: note\n", "\n:::\n"],
  networks: ['\n::: networks resnet50 vgg16 columns="parameters macs feature_dim"\n', ""],
  stages: ["\n::: stages resnet50\n", ""],
  trace: ["\n::: trace network=efficientnet_lite0 sample=chelsea\n", ""],
  question: ["\n::: question ", "\n"],
  picture: ["![", "](name.png)"],
};

const form = document.getElementById("sheet");

function guard() {
  const saving = form.hasAttribute("data-autosave") ? autosave(form) : null;
  let touched = form.hasAttribute("data-touched");
  const state = form.querySelector("[data-saved]");
  const touch = () => {
    touched = true;
    if (state) state.textContent = state.dataset.unsaved;
  };
  if (!saving) {
    form.addEventListener("input", touch);
    form.addEventListener("rows", touch);
  }
  form.addEventListener("submit", async (event) => {
    touched = false;
    if (!saving) return;
    if (saving.busy) { // the form must say that it began from what is being saved just now
      event.preventDefault();
      await saving.busy;
      form.requestSubmit(event.submitter);
      return;
    }
    saving.leave();
  });
  window.addEventListener("beforeunload", (event) => { if (saving ? saving.failed : touched) event.preventDefault(); });
}

// A button of the rows posts the form as it would without scripts; only its list is taken from the answer.
function rows() {
  form.addEventListener("submit", async (event) => {
    const act = event.submitter?.value ?? "";
    const match = /^(add|remove|up|down):([a-z_]+(?:-\d+-[a-z_]+)*)(?::(\d+))?$/.exec(act);
    if (!match) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const [, what, name, number] = match;
    const before = document.getElementById(`id_${name}`);
    const place = [...before.querySelectorAll(":scope > .row")].findIndex((row) => row.id === `id_${name}-${number}`);
    const body = new FormData(form, event.submitter);
    before.disabled = true; // what is typed into a list that is about to be replaced would be lost
    let after;
    try {
      const response = await fetch(form.action, { method: "POST", body });
      if (!response.ok) throw new Error(String(response.status));
      after = new DOMParser().parseFromString(await response.text(), "text/html").getElementById(`id_${name}`);
    } catch {
      after = null;
    }
    if (!after) {
      before.disabled = false;
      HTMLFormElement.prototype.submit.call(withAct(act)); // as without scripts
      return;
    }
    before.replaceWith(after);
    focusIn(after, what, place);
    form.dispatchEvent(new Event("rows"));
    form.dispatchEvent(new Event("input"));
  }, true);
}

// Another kind of question needs other inputs: the form is posted as it would be without scripts, and they are taken from
// the answer. Only the newest choice counts; until it is answered nothing can be typed into what it replaces.
function kinds() {
  const select = form.querySelector("select[name=kind]");
  if (!select) return;
  let asking = null;
  select.addEventListener("change", async () => {
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    const before = document.getElementById("of-kind");
    const body = new FormData(form);
    body.set("act", "kind");
    before.inert = true;
    try {
      const response = await fetch(form.action, { method: "POST", body, signal });
      if (!response.ok) throw new Error(String(response.status));
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      before.replaceWith(page.getElementById("of-kind"));
      form.dispatchEvent(new Event("rows"));
      form.dispatchEvent(new Event("input"));
    } catch {
      if (!signal.aborted) HTMLFormElement.prototype.submit.call(withAct("kind"));
    }
  });
}

function withAct(act) {
  const field = Object.assign(document.createElement("input"), { type: "hidden", name: "act", value: act });
  form.append(field);
  return form;
}

function focusIn(list, what, place) {
  const found = [...list.querySelectorAll(":scope > .row")];
  const wanted = { add: found.length - 1, remove: Math.min(place, found.length - 1), up: place - 1, down: place + 1 }[what];
  const row = found[wanted];
  if (!row) {
    list.querySelector(":scope > .btn")?.focus();
  } else if (what === "up" || what === "down") {
    const buttons = row.querySelector(":scope > .row-buttons");
    (buttons.querySelector(`[value^="${what}:"]`) ?? buttons.querySelector("button")).focus();
  } else {
    row.querySelector("select, textarea, input[type=text]")?.focus();
  }
}

function livePreview() {
  const target = document.querySelector("[data-preview]");
  if (!target || !form.hasAttribute("data-live")) return;
  let timer = 0;
  let running = null;
  const show = async () => {
    running?.abort();
    running = new AbortController();
    const body = new FormData(form);
    body.set("act", "preview");
    target.setAttribute("aria-busy", "true");
    const address = new URL(form.action);
    address.searchParams.set("fragment", "1");
    try {
      const response = await fetch(address, { method: "POST", body, signal: running.signal });
      // Sanitised by the server; and the page runs no inline script.
      if (response.ok) target.innerHTML = await response.text();
      else target.textContent = target.dataset.failed;
    } catch (error) {
      if (error.name === "AbortError") return;
      target.textContent = target.dataset.failed;
    }
    target.removeAttribute("aria-busy");
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(show, PREVIEW_AFTER);
  };
  form.addEventListener("input", soon);
  document.querySelector("[name=preview_mode]")?.addEventListener("change", soon);
  document.querySelector("[data-preview-button]")?.addEventListener("click", (event) => {
    event.preventDefault();
    show();
    target.closest("section").scrollIntoView();
  });
  show();
}

function toolbar() {
  const bar = document.querySelector("[data-toolbar]");
  if (!bar) return;
  const area = document.getElementById(bar.dataset.toolbar);
  for (const button of bar.querySelectorAll("[data-insert]")) {
    button.addEventListener("click", () => insert(area, ...BLOCKS[button.dataset.insert]));
  }
  bar.hidden = false;
}

function insert(area, before, after) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const opening = before.startsWith("\n") && (start === 0 || value[start - 1] === "\n") ? before.slice(1) : before;
  const chosen = value.slice(start, end);
  area.setRangeText(opening + chosen + after, start, end, "end");
  area.focus();
  area.setSelectionRange(start + opening.length, start + opening.length + chosen.length);
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

// The line that a finding names is shown and selected.
function goToLine() {
  const line = Number(new URLSearchParams(location.search).get("line"));
  const area = document.querySelector("#id_body, #id_text");
  if (!line || !area) return;
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
  area.scrollTop = (line - 4) * parseFloat(getComputedStyle(area).lineHeight);
}

// A finding may name a field inside a closed part of the form.
function openTarget() {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  for (let part = target && target.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  if (target) {
    target.scrollIntoView({ block: "center" });
    (target.matches("input, textarea, select") ? target : target.querySelector("input:not([type=hidden]), textarea, select"))?.focus();
  }
}

function suggestAddress() {
  const title = document.querySelector("form[data-suggest] #id_title");
  const slug = document.querySelector("form[data-suggest] #id_slug");
  const uid = document.querySelector("form[data-suggest] #id_uid");
  if (!title || !slug) return;
  const made = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 80);
  let own = slug.value !== "";
  let ownUid = !uid || uid.value !== "";
  slug.addEventListener("input", () => { own = slug.value !== ""; if (!ownUid) uid.value = slug.value; });
  uid?.addEventListener("input", () => { ownUid = uid.value !== ""; });
  title.addEventListener("input", () => {
    if (own) return;
    slug.value = made(title.value);
    if (!ownUid) uid.value = slug.value.slice(0, 64);
  });
}

if (form) {
  rows();
  kinds();
  guard();
  livePreview();
  toolbar();
  goToLine();
}
suggestAddress();
openTarget();
document.querySelector(".conflict, .error-summary")?.focus();
