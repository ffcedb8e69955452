// Keyboard: ← → a step, shift for a month, space plays, where the map or the time bar has the focus; j and k walk through
// stations; on the desk of a review the keys of its help decide. Not while typing in a field.
(() => {
  const typing = (event) => event.composedPath().some((node) =>
    node instanceof HTMLInputElement && node.type !== "range" && node.type !== "radio" && node.type !== "button" ||
    node instanceof HTMLTextAreaElement || node instanceof HTMLSelectElement);
  const models = () => (window.Bokeh?.documents ?? []).flatMap((doc) => [...doc._all_models.values()]);
  const model = (tag) => models().find((one) => one.tags?.includes(tag));
  // A channel holds the last acts, numbered: while the server is busy it sees the last value only, and must lose none.
  const MOST = 40;
  let pressed = 0;
  const recent = { keys: [], links: [] };
  const tell = (tag, act) => {
    const channel = model(tag), acts = recent[tag];
    if (!channel) return false;
    acts.push(`${act} ${++pressed}`);
    acts.splice(0, acts.length - MOST);
    channel.value = acts.join("\n");
    return true;
  };
  window.loamTell = tell; // figures.js has acts of its own
  const press = (action) => tell("keys", action);
  // A table's cell with data-open="what:which" opens what it names.
  const follow = (event) => {
    const open = event.composedPath().find((node) => node.dataset?.open)?.dataset.open;
    if (open && tell("links", open)) keep(open);
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
  // What lies in the map or the time bar; a tab that was just opened has its keys on the map.
  const PLACES = ".maps, .time";
  const inside = (event) => { // the divider between two maps has arrows of its own
    const path = event.composedPath();
    return path.some((node) => node.matches?.(PLACES)) && !path.some((node) => node.id === "divider");
  };
  let touched = true;
  const steps = (event) => inside(event) || touched && (document.activeElement ?? document.body) === document.body;
  // A pressed figure would take the focus, with a dotted ring round it: the map around it takes it instead.
  document.addEventListener("pointerdown", (event) => { touched = inside(event); }, true);
  document.addEventListener("focusin", (event) => { touched = inside(event); }, true);
  document.addEventListener("pointerup", (event) => {
    const path = event.composedPath();
    if (!path.some((node) => node.classList?.contains("bk-events"))) return;
    const map = path.find((node) => node.matches?.(".map"));
    let active = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    setTimeout(() => map ? map.focus({ preventScroll: true }) : active?.blur(), 0);
  }, true);
  const pushes = (event) => event.composedPath().some((node) => node instanceof HTMLButtonElement);
  document.addEventListener("keydown", (event) => {
    if (typing(event)) return;
    const letter = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && !event.altKey && (letter === "z" || letter === "y")) {
      press(letter === "y" || event.shiftKey ? "redo" : "undo");
      event.preventDefault();
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const slider = model("time-slider"), move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (move !== undefined && slider && steps(event)) {
      if (event.shiftKey) press(move < 0 ? "month-back" : "month-forward");
      else if (slider.disabled) press(move < 0 ? "back" : "forward");  // the map shows a range of days, not a step
      else slider.value = Math.min(slider.end, Math.max(slider.start, slider.value + move));
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === " " && steps(event) && !pushes(event)) {
      press("play");
      event.preventDefault();
    } else if (event.key === "j") press("next-station");
    else if (event.key === "k") press("previous-station");
    else if (document.documentElement.dataset.desk === "on" && /^[1-5sfuadx?]$/.test(event.key)) press(`review-${event.key}`);
  }, true);
})();
