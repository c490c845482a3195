// One listener for all shortcuts; a page says what they do there.
import { signal, useEffect, useRef } from "./lib.js";
import { command } from "./model/keys.js";

const stored = "amends.shortcuts";
const read = () => {
  try {
    return localStorage.getItem(stored) === "off";
  } catch {
    return false;
  }
};

/** Whether single keys do nothing (WCAG 2.1.4). */
export const shortcutsOff = signal(read());

export function turnShortcuts(off) {
  shortcutsOff.value = off;
  try {
    localStorage.setItem(stored, off ? "off" : "on");
  } catch {
    // for this visit only
  }
}

const typing = (target) => Boolean(target?.closest?.('input:not([type="range"]):not([type="checkbox"]), textarea, select, [contenteditable]'));

/**
 * useKeys handles keys while a page is shown. A handler that returns false
 * leaves the key to the browser.
 * @param {Record<string, (event: KeyboardEvent) => any>} handlers
 */
export function useKeys(handlers) {
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    const listen = (event) => {
      const asked = command(event, { typing: typing(event.target), off: shortcutsOff.value, dialog: Boolean(document.querySelector("dialog[open]")) });
      const handler = asked && latest.current[asked];
      if (!handler || asked === "Enter" && event.target.closest?.("a, button, summary, [role=button]")) return;
      if (handler(event) !== false) event.preventDefault();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
}
