// Own files: dropped anywhere on the page or chosen on the card, sent one by one over HTTP, and told to the session when
// all are there. The page itself is never left for a file that was dropped beside its place.
(() => {
  const models = () => (window.Bokeh?.documents ?? []).flatMap((doc) => [...doc._all_models.values()]);
  const model = (tag) => models().find((one) => one.tags?.includes(tag));
  const deep = (root, test) => [...root.querySelectorAll("*")].map((node) =>
    test(node) ? node : node.shadowRoot && deep(node.shadowRoot, test)).find(Boolean);
  const place = () => deep(document, (node) => node.classList?.contains("sending"));
  let batch = 0, opened = 0, request = null;
  const say = (text, share = null) => {
    const at = place();
    if (!at) return;
    at.textContent = "";
    if (share !== null) {
      const bar = document.createElement("progress"), stop = document.createElement("button");
      bar.value = share;
      stop.type = "button"; stop.className = "link"; stop.textContent = tr("Stop");
      stop.onclick = () => { batch++; request?.abort(); say(tr("Stopped; nothing was kept.")); };
      at.append(bar, stop);
    }
    const line = document.createElement("div");
    line.textContent = text;
    line.className = share === null && text ? "alert" : "muted";
    if (text) at.append(line);
  };
  const send = (limits, number, file, told) => new Promise((done) => {
    request = new XMLHttpRequest();
    request.open("POST", `upload/${number}/${encodeURIComponent(file.name)}`);
    request.setRequestHeader("X-Loam-Tab", limits.token);
    request.upload.onprogress = (event) => told(event.loaded);
    request.onload = () => {
      let said = "";
      try { said = JSON.parse(request.responseText).said ?? ""; } catch { /* refused before it was read */ }
      done(request.status === 200 ? "" : said || tr("The server did not take it."));
    };
    request.onerror = () => done(tr("{name} could not be sent: the connection was lost, or it is a folder.", { name: file.name }));
    request.onabort = () => done(null);
    request.send(file);
  });
  const sendAll = async (files) => {
    const tab = model("upload-tab"), sent = model("upload-sent");
    if (!tab || !sent || !files.length) return;
    const limits = JSON.parse(tab.value), total = files.reduce((sum, file) => sum + file.size, 0), number = ++batch;
    request?.abort();
    if (total > limits.megabytes * 2 ** 20)
      return say(tr("More than {megabytes} MB can't be sent: type the path instead.", limits));
    const empty = files.find((file) => !file.size);
    if (empty) return say(tr("{name} is empty.", { name: empty.name }));
    let before = 0;
    for (const file of files) {
      const told = (loaded) => number === batch && say(
        tr("Sending {name}, {share} %", { name: file.name, share: Math.round(100 * (before + loaded) / total) }), (before + loaded) / total);
      told(0);
      const said = await send(limits, number, file, told);
      if (number !== batch || said === null) return;
      if (said) return say(said);
      before += file.size;
    }
    say("");
    sent.value = JSON.stringify({ batch: number });
  };
  const isFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const isOwn = (event) => event.composedPath().some((node) => node.type === "file" && !node.dataset.sends);
  const mark = (on) => { document.documentElement.dataset.dropping = on ? "yes" : "no"; };
  document.addEventListener("dragover", (event) => {
    if (!isFiles(event) || isOwn(event)) return;
    event.preventDefault();
    mark(true);
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(false); });
  document.addEventListener("drop", (event) => {
    mark(false);
    if (!isFiles(event) || isOwn(event)) return;
    event.preventDefault();
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const folder = items.find((item) => item.webkitGetAsEntry?.()?.isDirectory);
    const files = [...event.dataTransfer.files], links = model("links");
    if (!place() && links) links.value = `add:data ${++opened}`;  // the card is made when it is first opened
    const begin = (tries = 100) => {
      if (!place() && tries) return setTimeout(() => begin(tries - 1), 50);
      if (folder) say(tr("This is a folder: drop its files or a zip of it, or type its path.")); else sendAll(files);
    };
    begin();
  });
  // A change of a file input does not leave its shadow root: listen to each when it is first touched.
  const listen = (event) => {
    const input = event.composedPath()[0];
    if (input?.type !== "file" || !input.dataset.sends || input.dataset.heard) return;
    input.dataset.heard = "yes";
    input.addEventListener("change", () => { sendAll([...input.files]); input.value = ""; });
  };
  for (const name of ["click", "focusin"]) document.addEventListener(name, listen, true);
})();
