// Which rows of an event log are shown. Pure.

/**
 * matcher makes the test of a text: /…/ is a regular expression, anything else
 * is looked for as it is, whatever its case.
 * @returns {{test: (text: string) => boolean, error: string}}
 */
export function matcher(text) {
  const expression = /^\/(.+)\/([i]?)$/.exec(text ?? "");
  if (!text) return { test: () => true, error: "" };
  if (!expression) {
    const lower = text.toLowerCase();
    return { test: (t) => t.toLowerCase().includes(lower), error: "" };
  }
  try {
    const re = new RegExp(expression[1], expression[2]);
    return { test: (t) => re.test(t), error: "" };
  } catch (e) {
    return { test: () => true, error: e.message };
  }
}

/**
 * filter returns the rows that a person asks for.
 * @param {import("./history.js").Row[]} rows
 * @param {{text?: string, kind?: string, step?: string, failures?: boolean}} asked
 */
export function filter(rows, { text = "", kind = "", step = "", failures = false }) {
  const { test, error } = matcher(text);
  const plain = !text && !kind && !step && !failures;
  const found = plain ? rows : rows.filter((row) =>
    (!kind || row.group === kind) && (!step || row.step === step) && (!failures || row.bad) && test(`${row.seq} ${row.type} ${row.text} ${row.participant}`));
  return { rows: found, error };
}
