// A file that is too large is refused before a byte is sent: one message of that size would end the connection.
const MOST = 5e6;
function guard(event) {
  const input = event.composedPath()[0];
  if (input?.type !== "file" || input.dataset.capped) return;
  input.dataset.capped = "yes";
  input.addEventListener("change", (change) => {
    const large = [...input.files].find((file) => file.size > MOST);
    input.setCustomValidity(large ? `${large.name} has more than 5 MB: simplify or shorten it first.` : "");
    if (!large) return;
    change.stopImmediatePropagation();
    input.reportValidity();
    input.value = "";
  }, true);
}
for (const name of ["click", "dragenter", "focusin"]) document.addEventListener(name, guard, true);
