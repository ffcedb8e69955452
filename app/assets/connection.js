// A lost connection: say so, block what would be lost, try again, and come back by loading the address anew, which holds
// all that was chosen and the jobs that are watched. A session can't be taken up again: bokeh can't pull pictures twice.
(() => {
  const WAITS = [1, 2, 3, 5, 8, 12, 20], ANSWER_MS = 4000, LATE_MS = 40_000, MOST_RELOADS = 3, WITHIN_MS = 60_000;
  const RELOADS = "loam-reloads", CAME_BACK = "loam-came-back";
  const make = (tag, name, text) => Object.assign(document.createElement(tag), { className: name, textContent: text ?? "" });
  const bar = make("div", "lost"), said = make("span", ""), again = make("button", "plain", tr("Try now"));
  bar.setAttribute("role", "alert");
  bar.append(said, again);
  bar.hidden = true;
  document.body.append(bar);
  let tries = 0, left = 0, ticking = null, asking = false;
  const say = (text) => { bar.hidden = false; said.textContent = text; };
  const recent = () => JSON.parse(sessionStorage.getItem(RELOADS) ?? "[]").filter((when) => Date.now() - when < WITHIN_MS);
  const byHand = () => { again.textContent = tr("Reload"); again.onclick = () => location.reload(); };
  const reload = () => {
    const before = recent();
    if (before.length >= MOST_RELOADS) {
      byHand();
      return say(tr("The server answers, but the page does not stay connected. Reload it by hand."));
    }
    sessionStorage.setItem(RELOADS, JSON.stringify([...before, Date.now()]));
    sessionStorage.setItem(CAME_BACK, "yes");
    say(tr("The server answers: loading the view again …"));
    location.reload();
  };
  const ask = async () => {
    if (asking) return;
    asking = true;
    clearInterval(ticking);
    say(tr("The connection to the server is lost: trying to reach it …"));
    try {
      const answer = await fetch(`assets/icon.svg?${Date.now()}`, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
      if (answer.ok) return reload();
    } catch { /* no answer: tried again below */ }
    asking = false;
    wait();
  };
  const wait = () => {
    left = WAITS[Math.min(tries++, WAITS.length - 1)];
    const tell = () => say(tr("The connection to the server is lost; your view is kept. Trying again in {seconds} s.", { seconds: left }));
    tell();
    clearInterval(ticking);
    ticking = setInterval(() => { if (--left > 0) tell(); else ask(); }, 1000);
  };
  const lost = () => {
    if (!bar.hidden && document.documentElement.dataset.connection === "lost") return;
    document.documentElement.dataset.connection = "lost";
    for (const sheet of document.querySelectorAll("dialog[open]")) sheet.close();
    document.getElementById("loam").inert = true;
    wait();
  };
  again.onclick = ask;
  addEventListener("online", () => { if (!bar.hidden) ask(); });
  // The document is there once bokeh has drawn the page; where it never comes, the page says so instead of staying blank.
  const listen = (waited = 0) => {
    const documents = window.Bokeh?.documents ?? [];
    if (waited === LATE_MS && !documents.length) { byHand(); say(tr("The page does not come up: is the server running?")); }
    if (!documents.length) return setTimeout(() => listen(waited + 100), 100);
    bar.hidden = true;
    for (const one of documents) one.on_event("connection_lost", lost);
    if (!sessionStorage.getItem(CAME_BACK)) return;
    sessionStorage.removeItem(CAME_BACK);
    const back = make("output", "lost back", tr("Connected again: the view is as it was."));
    document.body.append(back);
    setTimeout(() => back.remove(), 5000);
  };
  listen();
})();
