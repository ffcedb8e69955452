// What the page's own scripts say, in the language of the page: tr(English, values). See app/page/language.py.
(() => {
  const texts = JSON.parse(document.getElementById("messages")?.textContent || "{}");
  window.tr = (text, values = {}) =>
    Object.entries(values).reduce((said, [name, value]) => said.replaceAll(`{${name}}`, String(value)), texts[text] ?? text);
})();
