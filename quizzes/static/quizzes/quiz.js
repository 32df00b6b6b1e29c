// What makes a question quicker by keyboard and safe against a closed tab. The page works without any of it.

const LETTERS = "letter-keys";
const SURE = "ask-confidence";

const isOn = (what) => localStorage.getItem(what) !== "off";
const switchOver = (what) => localStorage.setItem(what, isOn(what) ? "off" : "on");

// Who does not want to be asked how sure they are is not, on any question of this site.
function showSure() {
  for (const button of document.querySelectorAll("[data-ask-sure]")) {
    const asked = button.parentElement.querySelector("[data-sure]");
    button.hidden = false;
    button.textContent = isOn(SURE) ? button.dataset.hide : button.dataset.ask;
    asked.hidden = asked.disabled = !isOn(SURE);
  }
}

function showKeys() {
  for (const line of document.querySelectorAll(".keys")) {
    line.hidden = false;
    line.querySelector("[data-letter-keys]").setAttribute("aria-pressed", String(isOn(LETTERS)));
  }
}

// A–F and 1–6 choose, but only while the question has focus (WCAG 2.1.4), and not while it is switched off.
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("#answer");
  if (!form || !isOn(LETTERS) || event.altKey || event.ctrlKey || event.metaKey || event.key.length !== 1) return;
  const letter = event.key.toUpperCase();
  const options = [...form.querySelectorAll("input[name=choice]")];
  const option = options.find((input) => input.value === letter) ?? options["123456".indexOf(event.key)];
  if (!option) return;
  event.preventDefault();
  option.focus();
  if (option.checked && option.type === "radio") return;
  option.checked = !option.checked;
  option.dispatchEvent(new Event("change", { bubbles: true }));
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-letter-keys], [data-ask-sure]");
  if (!button) return;
  switchOver("askSure" in button.dataset ? SURE : LETTERS);
  showKeys();
  showSure();
});

// Each choice is kept as it is made. One request at a time, and the newest choice last, so that none overtakes another.
// Checking commits the choice, so whatever is still being kept is dropped then. What the site doesn't have yet is kept in this
// browser, sent again, and put back into the form after a reload or a closed tab.
const PAUSE = 700; // milliseconds without a keystroke, after which a number is kept
const AGAIN = 10_000; // milliseconds after which a site that didn't answer is asked again
const KEPT = 7 * 86_400_000; // milliseconds for which an answer is put back
const UNSENT = "unsent:";
let typing = 0;
let again = 0;
let saving = Promise.resolve();
let dropping = new AbortController();

function body(form) {
  // Whoever signed in in another tab has another token: the cookie has it.
  const token = document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/)?.[1];
  if (token) form.querySelector("[name=csrfmiddlewaretoken]").value = token;
  return new FormData(form);
}

async function keep(form, signal, { quietly = false } = {}) {
  if (signal.aborted) return;
  const line = form.querySelector(".saved");
  const given = body(form);
  remember(form, given);
  clearTimeout(again);
  try {
    const response = await fetch(form.dataset.draft, {
      method: "POST",
      body: given,
      headers: { "X-Requested-With": "fetch" },
      keepalive: true, // a quick click on "Next question" must not lose the choice
      signal,
    });
    if (response.status >= 500) throw new Error(String(response.status));
    const told = response.headers.get("Content-Type")?.startsWith("application/json") ? await response.json() : null;
    forget(form);
    if (response.ok || !quietly) line.textContent = told?.detail ?? line.dataset.refused;
  } catch {
    if (signal.aborted) return;
    line.textContent = line.dataset.offline;
    again = setTimeout(() => sendAgain(), AGAIN);
  }
}

function keepSoon(form, how) {
  const { signal } = dropping;
  saving = saving.then(() => keep(form, signal, how));
}

function remember(form, given) {
  const fields = [...given].filter(([name]) => !["csrfmiddlewaretoken", "idempotency_key"].includes(name));
  try {
    localStorage.setItem(UNSENT + form.dataset.draft, JSON.stringify({ at: Date.now(), fields }));
  } catch {
    // A browser that keeps nothing: the answer is on the page alone.
  }
}

function forget(form) {
  try {
    localStorage.removeItem(UNSENT + form.dataset.draft);
  } catch {
    // As above.
  }
}

/** What of this form's answer the site never got: [name, value] pairs, or none. */
function unsent(form) {
  try {
    const { at, fields } = JSON.parse(localStorage.getItem(UNSENT + form.dataset.draft));
    return at > Date.now() - KEPT && Array.isArray(fields) ? fields : null;
  } catch {
    return null;
  }
}

function sendAgain() {
  const form = document.querySelector("form[data-draft]");
  if (form && unsent(form)) keepSoon(form);
}

function putBack() {
  const form = document.querySelector("form[data-draft]");
  const fields = form && unsent(form);
  if (!fields) return;
  for (const input of form.querySelectorAll("input:not([type=hidden])")) {
    const values = fields.filter(([name]) => name === input.name).map(([, value]) => value);
    if (input.type === "text") input.value = values[0] ?? "";
    else input.checked = values.includes(input.value);
  }
  keepSoon(form);
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-draft]");
  clearTimeout(typing);
  typing = 0;
  if (form) keepSoon(form);
});

// A number is kept in a pause of the typing too. What isn't a number yet is no mistake before the field is left.
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-draft]");
  if (!form || event.target.type !== "text") return;
  clearTimeout(typing);
  typing = setTimeout(() => {
    typing = 0;
    keepSoon(form, { quietly: true });
  }, PAUSE);
});

addEventListener("online", sendAgain);
addEventListener("pagehide", () => {
  const form = document.querySelector("form[data-draft]");
  if (typing && form) keep(form, dropping.signal, { quietly: true }); // the pause would come too late
  typing = 0;
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-draft]")) return;
  body(event.target);
  clearTimeout(typing);
  typing = 0;
  clearTimeout(again);
  dropping.abort();
  dropping = new AbortController();
  if (event.target.hasAttribute("hx-post")) remember(event.target, new FormData(event.target)); // until it is checked
  else forget(event.target);
});

document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, xhr } = event.detail;
  if (xhr.status && xhr.status < 500 && elt.matches("form[data-draft]")) forget(elt); // checked, or refused for good
});

// After a partial: to what is new, so that a screen reader reads it and the keyboard goes on from there.
document.addEventListener("htmx:afterSettle", (event) => {
  const question = event.target.closest("#question, #prediction") ?? document.querySelector("#question, #prediction");
  if (!question?.dataset.focus) return;
  showKeys();
  showSure();
  const target = question.querySelector(`#${question.dataset.focus}`) ?? question.querySelector("#feedback");
  delete question.dataset.focus;
  target?.focus();
});

showKeys();
showSure();
putBack();
