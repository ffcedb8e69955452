// The panels around the map: hidden and shown by [ ] and \ or by their buttons. On a narrow screen the two at the sides
// lie over the map and are hidden at first. Kept in this browser.
(() => {
  const root = document.documentElement, KEYS = { "[": "rail", "]": "inspector", "\\": "drawer" };
  const narrow = matchMedia("(max-width: 1100px)");
  const stored = (() => { try { return JSON.parse(localStorage.getItem("loam-panels")) ?? {}; } catch { return {}; } })();
  const keep = () => { try { localStorage.setItem("loam-panels", JSON.stringify(stored)); } catch { /* private window */ } };
  const shown = (name) => stored[(narrow.matches ? "narrow-" : "") + name] ?? !(narrow.matches && name !== "drawer");
  const apply = () => {
    for (const name of Object.values(KEYS)) {
      root.dataset[name] = shown(name) ? "on" : "off";
      const button = document.querySelector(`[data-fold="${name}"]`);
      if (button) button.ariaExpanded = String(shown(name));
    }
  };
  const fold = (name) => {
    stored[(narrow.matches ? "narrow-" : "") + name] = !shown(name);
    keep();
    apply();
  };
  const typing = (event) => event.composedPath().some((node) => node instanceof HTMLTextAreaElement ||
    node instanceof HTMLSelectElement || node instanceof HTMLInputElement && !["range", "radio", "button", "checkbox"].includes(node.type));
  document.addEventListener("keydown", (event) => {
    const name = KEYS[event.key];
    if (!name || event.ctrlKey || event.metaKey || typing(event)) return;
    fold(name);
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-fold]");
    if (button) fold(button.dataset.fold);
  });
  document.addEventListener("focusin", (event) => { // a tip is of a widget's box: a screen reader asks what is in it
    const [control, ...around] = event.composedPath(), said = around.find((node) => node.title)?.title;
    if (said) control.ariaDescription = said;
  });
  narrow.addEventListener("change", apply);
  apply();
})();
