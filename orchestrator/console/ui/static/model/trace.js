// A saga's attempts as of one point of its history. Pure.
import { time } from "./format.js";

/**
 * @typedef {{sequence: number, time: string}} Stamp
 *
 * @typedef {object} Attempt
 * @property {string} direction do or undo
 * @property {number} number
 * @property {string} participant
 * @property {Stamp} requested
 * @property {Stamp} [answered]
 * @property {Stamp} [recorded]
 * @property {Stamp[]} [late] answers that came after it was closed
 * @property {string} [outcome] none while it is open
 * @property {string} [reason]
 * @property {boolean} [halted] it waits for a person
 * @property {boolean} [by_hand]
 * @property {string} [next_at] when the next one begins
 * @property {number} [took_us]
 * @property {number} [queue_us]
 * @property {number} [output_bytes]
 * @property {string} [instance] that answered, as id@host
 * @property {string} [reply_traceparent]
 *
 * @typedef {object} Trace what the API says of a history, step by step
 * @property {number} last
 * @property {string} [ended]
 * @property {{name: string, attempts: Attempt[]}[]} steps
 * @property {{sequence: number, step?: string, attempt?: number, reason: string}} [turned]
 * @property {{sequence: number, verb: string}[]} controls
 *
 * @typedef {{step: string, direction: string, phase: string, outcome: string, attempts: Attempt[], last: Attempt}} Progress
 */

/**
 * asOf returns the summary of a history as it was after message at: attempts
 * that were not requested yet are gone, those that were not answered are open.
 * @param {Trace} steps
 * @param {number} at a sequence, or 0 for now
 * @returns {Trace}
 */
export function asOf(steps, at) {
  if (!at || at >= steps.last) return { ...steps, steps: steps.steps.map((s) => ({ ...s, attempts: s.attempts })) };
  const known = [];
  for (const step of steps.steps) {
    const attempts = step.attempts.filter((a) => a.requested.sequence <= at).map((a) => cut(a, at));
    if (attempts.length) known.push({ ...step, attempts });
  }
  return {
    ...steps, steps: known,
    turned: steps.turned && steps.turned.sequence <= at ? steps.turned : undefined,
    controls: steps.controls.filter((c) => c.sequence <= at),
    ended: undefined,
  };
}

/** @param {Attempt} a @param {number} at @returns {Attempt} */
function cut(a, at) {
  const answered = a.answered && a.answered.sequence <= at ? a.answered : undefined;
  const recorded = a.recorded && a.recorded.sequence <= at ? a.recorded : undefined;
  const late = a.late?.filter((s) => s.sequence <= at);
  if (recorded) return { ...a, late };
  return {
    ...a, answered, recorded, late, outcome: undefined, reason: undefined, next_at: undefined, by_hand: undefined, halted: undefined,
    took_us: answered && a.took_us, queue_us: answered && a.queue_us, output_bytes: answered && a.output_bytes,
    instance: answered && a.instance, reply_traceparent: answered && a.reply_traceparent,
  };
}

/** nodeKey names a direction of a step. */
export const nodeKey = (step, direction) => `${direction === "undo" ? "undo" : "do"}:${step}`;

/**
 * progress says where each direction of each step is, by nodeKey.
 * @param {Trace} trace
 * @returns {Map<string, Progress>}
 */
export function progress(trace) {
  const found = new Map();
  for (const step of trace.steps) {
    for (const direction of ["do", "undo"]) {
      const attempts = step.attempts.filter((a) => a.direction === direction);
      if (!attempts.length) continue;
      const last = attempts[attempts.length - 1];
      found.set(nodeKey(step.name, direction), { step: step.name, direction, attempts, last, ...where(last) });
    }
  }
  return found;
}

/** @param {Attempt} last */
function where(last) {
  if (last.halted) return { phase: "halted", outcome: last.outcome ?? "halted" };
  if (!last.outcome) return { phase: "open", outcome: "open" };
  if (last.next_at) return { phase: "waiting", outcome: last.outcome };
  return { phase: "closed", outcome: last.outcome };
}

/**
 * segments tells the parts of an attempt apart, as [kind, from, to] in milliseconds.
 * @param {Attempt} a @param {number} until @param {Attempt} [next]
 * @returns {[string, number, number][]}
 */
export function segments(a, until, next) {
  const from = time(a.requested.time);
  /** @type {[string, number, number][]} */
  const list = [];
  let end = until;
  if (a.answered) {
    const answered = Math.max(from, time(a.answered.time));
    const work = Math.min(answered - from, (a.took_us ?? 0) / 1000);
    if (answered - work > from) list.push(["queue", from, answered - work]);
    if (work > 0) list.push(["work", answered - work, answered]);
    end = answered;
  } else if (a.recorded) {
    end = Math.max(from, time(a.recorded.time));
    list.push(["silent", from, end]); // nobody answered: queue or work, who knows
  } else {
    end = Math.max(from, until);
    list.push(["open", from, end]);
  }
  const closed = a.recorded ? Math.max(end, time(a.recorded.time)) : end;
  if (a.next_at && a.recorded) {
    const to = next ? time(next.requested.time) : Math.min(Math.max(until, closed), time(a.next_at));
    if (to > closed) list.push(["backoff", closed, to]);
  }
  return list;
}
