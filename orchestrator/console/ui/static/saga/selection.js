// What is selected, and which point one looks at: in the address, for all views.
import { address, set } from "../router.js";

/**
 * selection reads the address.
 * @returns {{step: string, direction: string, attempt: number, seq: number, at: number, from: number}}
 */
export function selection() {
  const q = address.value.query;
  const number = (name) => Math.max(0, Math.floor(Number(q.get(name)) || 0));
  return {
    step: q.get("step") ?? "", direction: q.get("dir") === "undo" ? "undo" : "do",
    attempt: number("attempt"), seq: number("seq"), at: number("at"), from: number("from"),
  };
}

/** select selects a step, an attempt, an event, or nothing. */
export function select({ step = "", direction = "do", attempt = 0, seq = 0 } = {}) {
  set({ step, dir: step && direction === "undo" ? "undo" : "", attempt: attempt || "", seq: seq || "" });
}

/** lookAt goes back, or forward, in time; 0 is now. */
export const lookAt = (at) => set({ at: at || "", from: "" });

/** compare takes the other point of the difference. */
export const compare = (from) => set({ from: from || "" });
