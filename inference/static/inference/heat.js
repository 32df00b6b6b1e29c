/* Heat maps laid over a photo: how much of the map is seen. Without this file it is as the style sheet has it. */

function slidersIn(root) {
  for (const label of root.querySelectorAll("[data-opacity][hidden]")) {
    const heat = label.closest("[data-overlay]").querySelector("[data-heat]");
    const range = label.querySelector("input");
    const set = () => { heat.style.opacity = range.value / 100; };
    range.addEventListener("input", set);
    set();
    label.hidden = false;
  }
}

slidersIn(document);
document.addEventListener("piece", (event) => slidersIn(event.target));
