// Keyboard: ← → a step, shift for ten, space plays, j and k walk through stations. Not while typing in a field.
(() => {
  const typing = (event) => event.composedPath().some((node) =>
    node instanceof HTMLInputElement && node.type !== "range" && node.type !== "radio" && node.type !== "button" ||
    node instanceof HTMLTextAreaElement || node instanceof HTMLSelectElement);
  const models = () => (window.Bokeh?.documents ?? []).flatMap((doc) => [...doc._all_models.values()]);
  const model = (tag) => models().find((one) => one.tags?.includes(tag));
  let pressed = 0;
  const press = (action) => { const keys = model("keys"); if (keys) keys.value = `${action} ${++pressed}`; };
  // A table's cell with data-open="what:which" opens what it names.
  const follow = (event) => {
    const open = event.composedPath().find((node) => node.dataset?.open)?.dataset.open, links = model("links");
    if (open && links) { links.value = `${open} ${++pressed}`; keep(open); }
  };
  // What was clicked may be drawn anew: give the focus to what has taken its place, for those who walk by keyboard.
  const deep = (root, test) => [...root.querySelectorAll("*")].map((node) =>
    test(node) ? node : node.shadowRoot && deep(node.shadowRoot, test)).find(Boolean);
  const keep = (open, tries = 20) => setTimeout(() => {
    const nobody = !document.activeElement || document.activeElement === document.body;
    if (nobody) deep(document, (node) => node.dataset?.open === open)?.focus();
    if (tries) keep(open, nobody ? 0 : tries - 1);
  }, 50);
  document.addEventListener("click", follow);
  // Bokeh draws a dotted ring round a figure that was clicked; give the focus back to the page, where the keys work.
  document.addEventListener("pointerup", (event) => {
    if (event.composedPath().some((node) => node.classList?.contains("bk-events"))) {
      let active = document.activeElement;
      while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
      setTimeout(() => active?.blur(), 0);
    }
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event)) return;
    const slider = model("time-slider");
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (move !== undefined && slider) {
      const step = move * (event.shiftKey ? 10 : 1);
      slider.value = Math.min(slider.end, Math.max(slider.start, slider.value + step));
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === " " && !event.composedPath().some((n) => n instanceof HTMLButtonElement)) {
      press("play");
      event.preventDefault();
    } else if (event.key === "j") press("next-station");
    else if (event.key === "k") press("previous-station");
  }, true);
})();
