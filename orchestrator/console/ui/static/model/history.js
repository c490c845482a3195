// A saga's history as rows: one for each recorded event, and one for each
// message that came in. Pure.
import { time } from "./format.js";

/**
 * @typedef {object} Row
 * @property {string} key sequence and place in its message
 * @property {number} seq
 * @property {number} time milliseconds
 * @property {string} group start, step, undo, saga, operator, reply, signal
 * @property {string} type
 * @property {string} step
 * @property {string} direction
 * @property {number} attempt
 * @property {string} text
 * @property {boolean} bad something did not work
 * @property {string} kind of the message it is from, as its bytes, status and participant
 * @property {number} bytes
 * @property {string} status
 * @property {string} participant
 */

/** What the groups are called, for a filter. */
export const groups = [["step", "forward"], ["undo", "compensation"], ["saga", "saga"], ["operator", "operator"], ["reply", "replies"], ["signal", "signals"], ["start", "start"]];

/** @param {object[]} entries of the API @returns {Row[]} */
export function rows(entries) {
  const list = [];
  for (const entry of entries) append(list, entry);
  return list;
}

/**
 * extend returns the rows with those of newer messages behind them: the same list
 * if there is none, and never a message twice, as the history and the news of it overlap.
 * @param {Row[]} list @param {{sequence: number}[]} entries @returns {Row[]}
 */
export function extend(list, entries) {
  let out = list;
  for (const entry of entries) {
    if (entry.sequence <= (out.at(-1)?.seq ?? 0)) continue;
    if (out === list) out = list.slice(); // what is drawn does not change under one's hands
    append(out, entry);
  }
  return out;
}

/** append adds the rows of one more message. */
export function append(list, entry) {
  const seq = entry.sequence, at = time(entry.time);
  const add = (i, row) => {
    list.push({
      key: `${seq}.${i}`, seq, time: at, group: row.group, type: row.type, step: row.step ?? "", direction: row.direction ?? "", attempt: row.attempt ?? 0,
      text: row.text, bad: row.bad ?? false, kind: entry.kind, bytes: entry.bytes ?? 0, status: entry.status ?? "", participant: entry.participant ?? "",
    });
  };
  if (entry.kind === "link" && entry.events) entry.events.forEach((ev, i) => add(i, eventRow(ev.type, ev.data ?? {})));
  else add(0, messageRow(entry));
}

const bad = new Set(["refused", "failed", "unknown", "rejected"]);

function messageRow(e) {
  const step = { step: e.step ?? "", direction: e.direction ?? "", attempt: e.attempt ?? 0 };
  switch (e.kind) {
    case "start":
      return { group: "start", type: "start", text: `start of ${e.definition || "?"}@${e.version ?? "?"}` };
    case "reply":
      return {
        ...step, group: "reply", type: "reply", bad: bad.has(e.outcome) || Boolean(e.problem),
        text: `${e.participant ?? "?"} answered ${attemptText(step)}: ${e.outcome ?? "?"}${e.reason ? `: ${e.reason}` : ""}`,
      };
    case "signal":
      return { group: "signal", type: "signal", text: `signal ${e.name ?? "?"}` };
    case "control":
      return { ...step, group: "operator", type: "control", text: `${e.by ?? "?"} asked: ${e.verb ?? "?"}${e.step ? ` ${attemptText(step)}` : ""}${e.as ? ` as ${e.as}` : ""}${e.why ? `: ${e.why}` : ""}` };
    default:
      return { group: "saga", type: e.kind, bad: true, text: e.problem ?? "a message that this version does not know" };
  }
}

const attemptText = ({ step, direction, attempt }) => `${direction || "do"} ${step}${attempt ? `/${attempt}` : ""}`;

// What an event says, in the words of the CLI's history.
const say = {
  Started: () => ["saga", "started"],
  StartRefused: (d) => ["saga", `a second start was refused: ${d.sequence}`],
  TurnedBack: (d) => ["saga", `turned back${d.step ? ` at ${d.step}` : ""}: ${d.reason}`, true],
  SagaCompleted: () => ["saga", "completed"],
  SagaCompensated: () => ["saga", "compensated"],
  Parked: (d) => ["saga", `parked: ${d.reason}`, true],
  Unparked: () => ["saga", "unparked"],
  SignalReceived: (d) => ["signal", `signal ${d.name}`],
  ActionRequested: (d, a) => ["step", `${a} requested${d.pivot ? ", the pivot" : ""}`],
  ActionDone: (d, a) => ["step", `${a} done`],
  ActionRefused: (d, a) => ["step", `${a} refused: ${d.reason}`, true],
  ActionFailed: (d, a) => ["step", `${a} failed: ${d.reason}`, true],
  ActionTimedOut: (d, a) => ["step", `${a} got no answer in time`, true],
  CompensationRequested: (d, a) => ["undo", `${a} requested`],
  CompensationDone: (d, a) => ["undo", d.nothing ? `${a} had nothing to undo` : `${a} undone`],
  CompensationFailed: (d, a) => ["undo", `${a} failed: ${d.reason}`, true],
  CompensationTimedOut: (d, a) => ["undo", `${a} got no answer in time`, true],
  RetryScheduled: (d, a) => [lane(d), `${a} will be tried again`],
  StepHalted: (d, a) => [lane(d), `${a} waits for a person: ${d.reason}`, true],
  CancelRequested: (d) => ["operator", `cancel asked for by ${d.by}${d.too_late ? ": too late" : ""}${why(d)}`],
  Suspended: (d) => ["operator", `suspended by ${d.by}${why(d)}`],
  Resumed: (d) => ["operator", `resumed by ${d.by}${why(d)}`],
  RetryRequested: (d, a) => ["operator", `another attempt at ${a} asked for by ${d.by}${why(d)}`],
  ResolveRequested: (d, a) => ["operator", `${a} to settle as ${d.as}, says ${d.by}${why(d)}`],
  Resolved: (d, a) => ["operator", `${a} resolved as ${d.as}`],
  ResolveFailed: (d, a) => ["operator", `${a} cannot be resolved: ${d.reason}`, true],
  ControlRefused: (d) => ["operator", `${d.verb} by ${d.by} refused: ${d.reason}`, true],
};

const lane = (d) => (d.direction === "undo" ? "undo" : "step");
const why = (d) => (d.why ? `: ${d.why}` : "");

function eventRow(type, d) {
  const direction = d.step ? d.direction ?? (type.startsWith("Compensation") ? "undo" : "do") : "";
  const at = { step: d.step ?? "", direction, attempt: d.number ?? 0 };
  const said = Object.hasOwn(say, type) ? say[type](d, attemptText(at)) : ["saga", type];
  return { ...at, type, group: said[0], text: said[1], bad: Boolean(said[2]) };
}

/** points are the sequences that one can look back at: every message once. */
export function points(list) {
  const found = [];
  for (const row of list) if (found[found.length - 1] !== row.seq) found.push(row.seq);
  return found;
}

/** indexOf finds the last place in ascending points that is not after seq. */
export function indexOf(points, seq) {
  let low = 0, high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle] <= seq) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
