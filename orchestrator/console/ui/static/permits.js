// Who may do what, and what is not shown. Where the console is read only nobody
// may do anything; otherwise everybody who reaches the page may do everything,
// and nothing is hidden. The server refuses by itself: this is so that nobody is
// led to ask.

/** Whether the console refuses changes; the server says so in the document. */
export const readOnly = document.querySelector('meta[name="amends-read-only"]') !== null;

/**
 * may says why an action is not allowed, or "" if it is.
 * @param {string} action cancel, suspend, resume, retry, resolve, bulk, stop
 */
// eslint-disable-next-line no-unused-vars
export const may = (action) => (readOnly ? "read only: this console shows, and changes nothing" : "");

/**
 * redact returns a payload as it may be shown.
 * @param {any} value
 * @param {{saga: string, what: string}} context
 */
// eslint-disable-next-line no-unused-vars
export const redact = (value, context) => value;

const key = "amends.who";

/**
 * who is the name that a person gave for the history.
 * @param {string} [name] a new one
 */
export function who(name) {
  try {
    if (name !== undefined) localStorage.setItem(key, name);
    return localStorage.getItem(key) ?? "";
  } catch {
    return name ?? "";
  }
}
