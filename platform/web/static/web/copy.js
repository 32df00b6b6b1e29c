/* Copy buttons: shown only where the browser can copy, and they say when they did. */
for (const button of document.querySelectorAll("button.copy")) {
  const code = button.closest(".code")?.querySelector("pre");
  if (!code || !navigator.clipboard) continue;
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
