// The tour: a card beside one part of the page after the other; ← → Enter and Escape, and the focus goes back at the end.
(() => {
  const opener = document.getElementById("tour-start"), data = document.getElementById("tour-steps");
  if (!opener || !data) return;
  const steps = JSON.parse(data.textContent);
  const make = (tag, name, text) => Object.assign(document.createElement(tag), { className: name, textContent: text ?? "" });
  const card = make("div", "tour"), title = make("h2", ""), text = make("p", ""), foot = make("div", "foot");
  const count = make("span", "muted"), back = make("button", "", tr("Back")), next = make("button", "next", tr("Next"));
  const close = make("button", "close", "✕");
  close.ariaLabel = tr("Close the tour");
  card.setAttribute("role", "dialog");
  card.setAttribute("aria-label", tr("Tour"));
  foot.append(count, back, next);
  card.append(close, title, text, foot);
  card.hidden = true;
  document.body.append(card);
  let at = 0, marked;
  const end = () => { card.hidden = true; marked?.classList.remove("toured"); opener.focus(); };
  const place = (box) => {
    const wide = card.offsetWidth, high = card.offsetHeight, gap = 12, width = innerWidth, height = innerHeight;
    const right = box.right + gap + wide <= width, below = box.bottom + gap + high <= height;
    const left = right && box.width < width / 2 ? box.right + gap : Math.max(gap, Math.min(box.left + 24, width - wide - gap));
    const top = right && box.width < width / 2 ? box.top + 24 : below ? box.bottom + gap : box.height > 2 * high ? box.top + 48 : box.top - high - gap;
    card.style.left = `${left}px`;
    card.style.top = `${Math.max(gap, Math.min(top, height - high - gap))}px`;
  };
  const show = (number) => {
    at = Math.min(steps.length - 1, Math.max(0, number));
    const step = steps[at], part = document.querySelector(step.at);
    marked?.classList.remove("toured");
    marked = part;
    marked?.classList.add("toured");
    title.textContent = step.title;
    text.textContent = step.text;
    count.textContent = tr("{at} of {count}", { at: at + 1, count: steps.length });
    back.disabled = at === 0;
    next.textContent = at === steps.length - 1 ? tr("Done") : tr("Next");
    card.hidden = false;
    place((part ?? document.body).getBoundingClientRect());
    next.focus();
  };
  const forward = () => at === steps.length - 1 ? end() : show(at + 1);
  opener.addEventListener("click", () => show(0));
  next.addEventListener("click", forward);
  back.addEventListener("click", () => show(at - 1));
  close.addEventListener("click", end);
  card.addEventListener("keydown", (event) => {
    const act = { Escape: end, ArrowRight: forward, ArrowLeft: () => show(at - 1) }[event.key];
    if (act) { act(); event.preventDefault(); event.stopPropagation(); }
  });
})();
