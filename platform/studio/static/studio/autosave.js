// A form of the studio saves itself: two seconds after the last change, and when the page is left. The server compares what
// the form was opened with, so no save goes over somebody else's. Until the server has the words, this browser keeps them.
import { announcer } from "../web/say.js";

const PAUSE = 2000; // milliseconds without a change
const AGAIN = 15000; // milliseconds after which a site that didn't answer is asked again
const KEPT_DAYS = 30;
const OURS = new Set(["csrfmiddlewaretoken", "opened_with", "revision", "act"]);

/** Begins to save `form` by itself; returns {busy, failed, leave} for whoever submits it or asks before leaving. */
export function autosave(form) {
  const line = form.querySelector("[data-saved]");
  const say = announcer(form.querySelector("[data-say]"), 20_000);
  const kept = keeper(form);
  let timer = 0;
  let running = null;
  let stopped = false; // somebody else's words are in between: the author decides
  let unsaved = form.hasAttribute("data-touched");
  let failed = false; // since then, what is written is in the form and in this browser only
  let left = false;
  let changes = 0;

  function tell(sentence, { now = false } = {}) {
    line.textContent = sentence;
    say(sentence, { now });
  }

  function touch() {
    unsaved = true;
    changes += 1;
    if (!stopped) line.textContent = line.dataset.unsaved;
    kept.write();
    if (!stopped) soon(PAUSE);
  }

  function fail(sentence) {
    failed = true;
    tell(sentence, { now: true });
    soon(AGAIN);
  }

  function soon(wait) {
    clearTimeout(timer);
    timer = setTimeout(save, wait);
  }

  function body() {
    refreshToken(form);
    const data = new FormData(form);
    data.set("act", "autosave");
    return data;
  }

  async function save() {
    clearTimeout(timer);
    if (running || stopped || !unsaved) return running;
    running = send();
    try {
      await running;
    } finally {
      running = null;
    }
    return null;
  }

  async function send() {
    const began = changes;
    line.textContent = line.dataset.saving;
    let response;
    try {
      response = await fetch(form.action, { method: "POST", body: body(), redirect: "manual", headers: { Accept: "application/json" } });
    } catch {
      fail(line.dataset.offline);
      return;
    }
    if (response.type === "opaqueredirect") {
      fail(line.dataset.signedOut);
      return;
    }
    const told = await answer(response);
    if (!told) {
      fail(response.status >= 500 ? line.dataset.offline : line.dataset.refused);
      return;
    }
    if (!response.ok) {
      failed = true;
      stopped = response.status === 409;
      tell(told.detail, { now: stopped });
      return;
    }
    failed = false;
    form.elements.opened_with.value = told.opened_with;
    form.elements.revision.value = told.revision;
    if (form.action !== new URL(told.url, location.href).href) {
      form.action = told.url; // a new question has its lasting address now
      history.replaceState(null, "", told.url);
    }
    if (began === changes) {
      unsaved = false;
      kept.clear();
      tell(told.detail);
    } else {
      line.textContent = line.dataset.unsaved;
      soon(PAUSE);
    }
  }

  // The page goes: a request that outlives it. The browser takes a small one only; a larger one is offered again next time.
  function leave() {
    if (left || stopped || !unsaved) return;
    left = true;
    kept.write({ now: true });
    fetch(form.action, { method: "POST", body: body(), redirect: "manual", keepalive: true }).catch(() => {});
  }

  form.addEventListener("input", (event) => {
    if (event.target.name !== "preview_mode") touch();
  });
  form.addEventListener("rows", touch);
  addEventListener("online", save);
  addEventListener("focus", () => { if (unsaved) soon(0); });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", () => { left = false; });
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") save(); });
  kept.offer();

  return {
    get busy() { return running; },
    get failed() { return unsaved && failed; },
    leave: () => { left = true; clearTimeout(timer); kept.write({ now: true }); },
  };
}

/** The server's word, or null for a page that is none of its answers to this. */
async function answer(response) {
  if (!(response.headers.get("Content-Type") ?? "").startsWith("application/json")) return null;
  return response.json();
}

/** Who signs in again in another tab has another token: the cookie has it. */
function refreshToken(form) {
  const token = document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/)?.[1];
  if (token) form.querySelector("[name=csrfmiddlewaretoken]").value = token;
}

/** What this browser keeps of the form until it is saved: by person, page and tab, and for a month at the most. */
function keeper(form) {
  const prefix = `draft:${form.dataset.autosave}:${location.pathname}:`;
  const key = prefix + tab();
  const opened = words(new FormData(form));
  let timer = 0;

  function put() {
    const data = new FormData(form);
    const fields = [...data].filter(([name, value]) => typeof value === "string" && name !== "csrfmiddlewaretoken");
    store(() => localStorage.setItem(key, JSON.stringify({ at: Date.now(), fields })));
  }

  function all() {
    const found = [];
    store(() => {
      for (const name of Object.keys(localStorage)) {
        if (!name.startsWith("draft:")) continue;
        const draft = read(name);
        if (!draft || draft.at < Date.now() - KEPT_DAYS * 86_400_000) localStorage.removeItem(name);
        else if (name.startsWith(prefix)) found.push({ name, ...draft });
      }
    });
    return found.sort((one, other) => other.at - one.at);
  }

  async function offer() {
    const notice = form.querySelector("[data-kept]");
    if (!notice || form.hasAttribute("data-touched")) return;
    const drafts = [];
    for (const draft of all()) {
      if (words(draft.fields) === opened || await isSaved(form, draft.fields)) store(() => localStorage.removeItem(draft.name));
      else drafts.push(draft);
    }
    if (!drafts.length) return;
    const [newest] = drafts;
    notice.hidden = false;
    notice.querySelector("[data-take]").addEventListener("click", () => restore(form, newest.fields));
    notice.querySelector("[data-drop]").addEventListener("click", () => {
      for (const { name } of drafts) store(() => localStorage.removeItem(name));
      notice.hidden = true;
      form.querySelector("[name=act]").focus();
    });
  }

  return {
    write: ({ now = false } = {}) => {
      clearTimeout(timer);
      if (now) put();
      else timer = setTimeout(put, 300);
    },
    clear: () => {
      clearTimeout(timer);
      store(() => localStorage.removeItem(key));
    },
    offer,
  };
}

/** Whether the server has these words by now; a page that was older than they are is loaded again. */
async function isSaved(form, fields) {
  refreshToken(form);
  const data = new FormData();
  for (const [name, value] of fields) data.append(name, value);
  data.set("act", "compare");
  data.set("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
  try {
    const told = await answer(await fetch(form.action, { method: "POST", body: data, redirect: "manual" }));
    if (told?.same && told.opened_with !== form.elements.opened_with.value) setTimeout(() => location.reload());
    return Boolean(told?.same);
  } catch {
    return false;
  }
}

/** Posts the kept words: the server makes the form of them, rows and all, and saves nothing by that. */
function restore(form, fields) {
  refreshToken(form);
  const post = Object.assign(document.createElement("form"), { method: "post", action: form.action, hidden: true });
  const given = [...fields.filter(([name]) => name !== "act"), ["act", "restore"]];
  given.push(["csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value]);
  for (const [name, value] of given) {
    const field = document.createElement("textarea"); // an input would drop line ends
    Object.assign(field, { name, value });
    post.append(field);
  }
  document.body.append(post);
  post.submit();
}

/** The form's words alone, to compare; names that the server gives to new rows are left out. */
function words(data) {
  const fields = [...data].filter(([name, value]) => typeof value === "string" && !OURS.has(name) && !/-(?:id|was)$/.test(name));
  return JSON.stringify(fields.map(([name, value]) => [name, value.replaceAll("\r\n", "\n").trim()]));
}

function tab() {
  let name = "";
  store(() => {
    name = sessionStorage.getItem("tab") ?? Math.random().toString(36).slice(2);
    sessionStorage.setItem("tab", name);
  });
  return name;
}

function read(name) {
  try {
    const draft = JSON.parse(localStorage.getItem(name));
    return Array.isArray(draft.fields) && Number.isFinite(draft.at) ? draft : null;
  } catch {
    return null;
  }
}

/** Does something with a storage that a browser may forbid, or that may be full. */
function store(work) {
  try {
    work();
  } catch {
    // Then the words are in the form alone, and leaving the page asks first.
  }
}
