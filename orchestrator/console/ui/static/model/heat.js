// How many sagas in a status are many, or too many. Pure.
import { count } from "./format.js";

/** @typedef {{many?: number, too?: number}} Limit from which count on; never where there is none */

/** The statuses of the map: first what may need a person, so that a phone shows it. */
export const order = ["stuck", "compensating", "running", "completed", "compensated"];

/** Those that have ended only grow in number, which says little. @type {Record<string, Limit>} */
export const defaults = { stuck: { many: 1, too: 10 }, compensating: { many: 10, too: 100 }, running: { many: 1000, too: 10000 }, completed: {}, compensated: {} };

/** What the levels are called; beside each stands the shape of that name. */
export const words = ["", "", "many", "too many"];
export const shapes = ["", "", "many", "too-many"];

/** level is 0 for none, 1 for some, 2 for many, 3 for too many. @param {number} n @param {Limit} limit */
export const level = (n, { many, too } = {}) => (n >= too ? 3 : n >= many ? 2 : n > 0 ? 1 : 0);

const whole = (x) => Number.isSafeInteger(x) && x >= 1;

/** problem says what is wrong with a limit, or "". @param {Limit} limit */
export function problem({ many, too }) {
  if (![many, too].every((x) => x === undefined || whole(x))) return "write whole numbers from 1 on, or nothing for never";
  return many > too ? `too many (${count(too)}) is less than many (${count(many)})` : "";
}

/** parse reads what a person wrote into the two fields. @returns {Limit} */
export function parse(many, too) {
  const number = (text) => (text.trim() === "" ? undefined : Number(text));
  return { many: number(many), too: number(too) };
}

/** restore reads what a browser has kept; what makes no sense is as it was at first. */
export function restore(text) {
  let kept;
  try {
    kept = JSON.parse(text ?? "{}");
  } catch {
    // then nothing was kept
  }
  return Object.fromEntries(order.map((status) => {
    const one = kept?.[status];
    const limit = { many: one?.many, too: one?.too };
    return [status, one && typeof one === "object" && !problem(limit) ? limit : defaults[status]];
  }));
}

/** legend says from where on they are many, or too many. @param {Record<string, Limit>} limits @param {"many"|"too"} which */
export const legend = (limits, which) => order.filter((s) => limits[s][which]).map((s) => `${count(limits[s][which])} ${s}`).join(", ") || "never";
