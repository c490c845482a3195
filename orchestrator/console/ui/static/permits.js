// Hooks of security to come: who may do what, and what is not shown. Today
// everybody who reaches the page may do everything, and nothing is hidden.

/**
 * may says why an action is not allowed, or "" if it is.
 * @param {string} action cancel, suspend, resume, retry, resolve, bulk
 */
// eslint-disable-next-line no-unused-vars
export const may = (action) => "";

/**
 * redact returns a payload as it may be shown.
 * @param {any} value
 * @param {{saga: string, what: string}} context
 */
// eslint-disable-next-line no-unused-vars
export const redact = (value, context) => value;

const key = "amends.who";

/** who is the name that a person gave for the history. */
export function who(name) {
  try {
    if (name !== undefined) localStorage.setItem(key, name);
    return localStorage.getItem(key) ?? "";
  } catch {
    return name ?? "";
  }
}
