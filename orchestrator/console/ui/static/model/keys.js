// What a key means. Pure.

/** What is there to press, for the help. */
export const help = [
  ["j", "next row"], ["k", "previous row"], ["Enter", "open the row"], ["x", "tick the row"], ["/", "filter"],
  ["g", "to the graph"], ["w", "to the waterfall"], ["e", "to the events"],
  ["[", "one event back in time"], ["]", "one event on"], ["n", "back to now"], ["Escape", "let go of the selection"], ["?", "this help"],
];

const plain = new Set(["j", "k", "x", "/", "g", "w", "e", "[", "]", "n", "?"]);

/**
 * command says what a key asks for, or "" if it belongs to somebody else: to a
 * field one types in, to the browser, or to nobody as shortcuts are off.
 * @param {{key: string, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean}} event
 * @param {{typing: boolean, off: boolean, dialog: boolean}} context
 */
export function command({ key, ctrlKey, metaKey, altKey }, { typing, off, dialog }) {
  if (ctrlKey || metaKey || altKey || dialog) return "";
  if (key === "Escape") return key;
  if (typing || off) return "";
  return plain.has(key) || key === "Enter" ? key : "";
}
