// Moves the divider of the swipe by pointer, or by ← → Home End while it has the focus.
(() => {
  const handle = document.getElementById("divider"), map = handle?.parentElement;
  if (!handle) return;
  const model = () => (window.Bokeh?.documents ?? []).flatMap((doc) => [...doc._all_models.values()])
    .find((one) => one.name === "swipe-share");
  let source;
  const set = (share) => {
    source = source ?? model();
    if (source) source.data = { share: [Math.min(0.98, Math.max(0.02, share))] };
  };
  const now = () => (source = source ?? model())?.data.share[0] ?? 0.5;
  let waiting = false, wanted = 0.5;
  handle.addEventListener("pointerdown", (event) => { handle.setPointerCapture(event.pointerId); event.preventDefault(); handle.focus(); });
  handle.addEventListener("pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const box = map.getBoundingClientRect();
    wanted = (event.clientX - box.left) / box.width;
    if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; set(wanted); }); }
  });
  handle.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: now() - 0.02, ArrowRight: now() + 0.02, Home: 0, End: 1 }[event.key];
    if (to === undefined) return;
    set(to);
    event.preventDefault();
    event.stopPropagation();
  });
})();
