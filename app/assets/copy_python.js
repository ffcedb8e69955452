// Puts the code into the clipboard; where a page may not write there, shows it. The first line of the value only makes
// each copy another value.
const code = cb_obj.value.slice(cb_obj.value.indexOf("\n") + 1);
const written = navigator.clipboard ? navigator.clipboard.writeText(code) : Promise.reject();
written.catch(() => window.prompt(tr("Copy the code:"), code));
