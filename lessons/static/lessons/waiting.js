/* A case whose run is being made asks again until it is there. Without this file the page reloads by itself. */
import { announcer } from "../web/say.js";

const PAUSE = 700;
const PATIENCE = 40; // requests that fail in a row: the network is gone

async function wait(place, failures = 0) {
  const address = place.dataset.waiting;
  if (!address || failures > PATIENCE) return;
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
  let next;
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    next = answer.ok ? page.querySelector("[data-case]") : null;
  } catch {
    next = null;
  }
  if (!next) return wait(place, failures + 1);
  if (next.dataset.waiting) {
    const said = next.querySelector("[data-sentence]")?.textContent ?? "";
    const sentence = place.querySelector("[data-sentence]");
    if (sentence && sentence.textContent !== said) {
      sentence.textContent = said;
      announcer(place.querySelector("[data-say]"))(said);
    }
    return wait(place);
  }
  const heading = place.contains(document.activeElement) || document.activeElement === document.body;
  place.replaceWith(next);
  next.dispatchEvent(new CustomEvent("piece", { bubbles: true }));
  if (heading) next.querySelector("#seen, #now")?.focus();
}

for (const place of document.querySelectorAll("[data-waiting]")) wait(place);
