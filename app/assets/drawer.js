// The height of the series drawer: dragged by its upper edge, or with the arrow keys when that has the focus.
// It is this browser's own, like the size of a window, and so kept here and not in the link.
(() => {
  const LEAST = 180, KEY = "loam-drawer", STEP = 24, root = document.documentElement;
  const grip = document.getElementById("grip");
  if (!grip) return;
  const most = () => Math.max(LEAST, window.innerHeight - 260);
  const now = () => grip.parentElement.getBoundingClientRect().height;
  const tell = () => grip.setAttribute("aria-valuenow", Math.round(now()));
  const set = (height) => {
    const taken = Math.round(Math.min(Math.max(height, LEAST), most()));
    root.style.setProperty("--drawer", `${taken}px`);
    grip.setAttribute("aria-valuemax", Math.round(most()));
    tell();
    try { localStorage.setItem(KEY, taken); } catch { /* a browser that keeps nothing forgets it */ }
  };
  let from;
  grip.addEventListener("pointerdown", (event) => {
    from = event.clientY + now();
    grip.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  grip.addEventListener("pointermove", (event) => { if (from !== undefined) set(from - event.clientY); });
  for (const end of ["pointerup", "pointercancel"]) grip.addEventListener(end, () => { from = undefined; });
  grip.addEventListener("keydown", (event) => {
    const move = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
    if (move) { set(now() + move); event.preventDefault(); }
  });
  let kept;
  try { kept = Number(localStorage.getItem(KEY)); } catch { /* the same */ }
  if (kept) set(kept); else tell();
})();
