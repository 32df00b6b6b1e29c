/* Copy buttons: shown only where the browser can copy, and they say when they did. A piece of a page that comes later says so. */
function offer(button) {
  const code = button.closest(".code")?.querySelector("pre");
  if (!code || !navigator.clipboard) return;
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.innerText.replace(/\n$/, ""));
      button.textContent = button.dataset.done;
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = button.dataset.selected;
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

const offerIn = (part) => { for (const button of part.querySelectorAll("button.copy[hidden]")) offer(button); };
offerIn(document);
document.addEventListener("piece", (event) => offerIn(event.target));
