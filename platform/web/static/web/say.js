/* Speech for screen readers: one polite region, never more than one message per `gap` milliseconds. */

/** A function say(text, {now}) for `element`, an aria-live region: the newest text wins, `now` skips the wait. */
export function announcer(element, gap = 1500) {
  let spokenAt = -Infinity;
  let timer = 0;
  return (text, { now = false } = {}) => {
    clearTimeout(timer);
    const speak = () => {
      spokenAt = performance.now();
      element.textContent = text;
    };
    const wait = now ? 0 : spokenAt + gap - performance.now();
    if (wait > 0) timer = setTimeout(speak, wait);
    else speak();
  };
}
