// Counts down to an exam's end. The server's clock decides, and this page only shows it: it asks again every half minute and when
// it is looked at again, so that extra time shows and a laptop that slept doesn't lag behind.

const ASK_EVERY = 30_000; // milliseconds
const LAST_WORDS = 1_500; // milliseconds for what was just typed to be saved; the server takes answers 5 s longer
const MARKS = [600, 300, 60]; // seconds left at which something is said

const clock = document.querySelector("[data-clock]");
const left = clock.querySelector(".clock-left");
const said = clock.querySelector("[data-clock-said]");
const finish = clock.querySelector("[data-clock-finish]");

let ends = Date.now() + 1000 * Number(clock.dataset.seconds);
let before = Infinity; // seconds left when we last looked
let isOver = false;

const secondsLeft = () => Math.max(0, Math.round((ends - Date.now()) / 1000));

function inDigits(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

function say(seconds) {
  const minutes = Math.ceil(seconds / 60);
  said.textContent = minutes === 1 ? clock.dataset.minute : clock.dataset.minutes.replace("%s", minutes);
}

function show() {
  const seconds = secondsLeft();
  left.textContent = clock.dataset.left.replace("%s", inDigits(seconds));
  clock.classList.toggle("short", seconds <= 60);
  if (Number.isFinite(before) && MARKS.some((mark) => before > mark && seconds <= mark && seconds > 0)) say(seconds);
  before = seconds;
  if (seconds === 0) handIn();
}

function handIn() {
  if (isOver) return;
  isOver = true;
  said.textContent = clock.dataset.over;
  // A number that is still being typed is kept first.
  document.querySelector("form[data-draft] input[type=text]")?.dispatchEvent(new Event("change", { bubbles: true }));
  setTimeout(() => finish.submit(), LAST_WORDS);
}

async function ask() {
  if (isOver) return;
  try {
    const response = await fetch(clock.dataset.clock, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    const { runs, seconds_left: seconds, ends: at } = await response.json();
    if (!runs) {
      location.reload(); // handed in, perhaps in another tab
      return;
    }
    ends = Date.now() + 1000 * seconds;
    clock.querySelector(".clock-at").textContent = at;
    show();
  } catch {
    // Without a connection the page goes on with what it knows.
  }
}

show();
setInterval(show, 1000);
setInterval(ask, ASK_EVERY);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") ask();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) ask();
});
