// Panels of a figure are dragged to another place in their list; up and down do the same by keyboard.
(() => {
  const row = (event) => event.composedPath().find((node) => node.classList?.contains("panel-row"));
  let taken = null;
  document.addEventListener("dragstart", (event) => {
    taken = row(event) ?? null;
    if (taken) { event.dataTransfer.effectAllowed = "move"; event.dataTransfer.setData("text/plain", taken.dataset.row); }
  });
  document.addEventListener("dragover", (event) => {
    const over = taken && row(event);
    if (!over) return;
    event.preventDefault();
    over.parentNode.querySelectorAll(".over").forEach((one) => one.classList.remove("over"));
    over.classList.add("over");
  });
  document.addEventListener("drop", (event) => {
    const over = taken && row(event);
    if (!over) return;
    event.preventDefault();
    if (over !== taken) window.loamTell("links", `panel:to:${taken.dataset.row}>${over.dataset.row}`);
    taken = null;
  });
  document.addEventListener("dragend", () => { taken = null; });
})();
