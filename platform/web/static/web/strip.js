/* Brings the current mode into view where the strip is wider than the screen. */
const current = document.querySelector(".strip [aria-current]");
const strip = current?.closest("ol");
if (strip && strip.scrollWidth > strip.clientWidth) {
  strip.scrollLeft = current.offsetLeft - strip.offsetLeft - (strip.clientWidth - current.offsetWidth) / 2;
}
