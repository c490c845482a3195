// Where a trace is shown. Which tool that is, a person says once in this browser:
// the template has {trace} where the trace's id goes.
const stored = "amends.trace-url";

/**
 * template is the address of a trace, or "".
 * @param {string} [text] a new one
 */
export function template(text) {
  try {
    if (text !== undefined) localStorage.setItem(stored, text);
    return localStorage.getItem(stored) ?? "";
  } catch {
    return text ?? "";
  }
}

/**
 * traceLink reads a traceparent.
 * @param {string} parent @param {string} [t] the template
 * @returns {{id: string, to: string}} to is "" where no tool is known
 */
export function traceLink(parent, t = template()) {
  const id = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(parent)?.[1] ?? parent;
  const to = /^https?:\/\//.test(t) && /^[0-9a-f]{32}$/.test(id) ? t.replaceAll("{trace}", id) : "";
  return { id, to };
}
