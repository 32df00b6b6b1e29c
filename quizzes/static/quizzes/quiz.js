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
    button.setAttribute("aria-pressed", String(isOn(SURE)));
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
// Checking commits the choice, so whatever is still being kept is dropped then.
const PAUSE = 700; // milliseconds without a keystroke, after which a number is kept
let typing = 0;
let saving = Promise.resolve();
let dropping = new AbortController();

async function keep(form, signal, { quietly = false } = {}) {
  if (signal.aborted) return;
  const line = form.querySelector(".saved");
  try {
    const response = await fetch(form.dataset.draft, {
      method: "POST",
      body: new FormData(form),
      headers: { "X-Requested-With": "fetch" },
      keepalive: true, // a quick click on "Next question" must not lose the choice
      signal,
    });
    const { detail } = await response.json();
    if (response.ok || !quietly) line.textContent = detail;
  } catch {
    if (!signal.aborted) line.textContent = line.dataset.offline;
  }
}

function keepSoon(form, how) {
  const { signal } = dropping;
  saving = saving.then(() => keep(form, signal, how));
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-draft]");
  clearTimeout(typing);
  if (form) keepSoon(form);
});

// A number is kept in a pause of the typing too. What isn't a number yet is no mistake before the field is left.
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-draft]");
  if (!form || event.target.type !== "text") return;
  clearTimeout(typing);
  typing = setTimeout(() => keepSoon(form, { quietly: true }), PAUSE);
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-draft]")) return;
  clearTimeout(typing);
  dropping.abort();
  dropping = new AbortController();
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
