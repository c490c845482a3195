// What people asked for: the filter, from the address to the API and to words,
// and a request in words. Pure.
import { since } from "./query.js";

/** What can be filtered by, in the order in which it is shown. */
export const fields = ["who", "action", "saga", "since", "from", "until"];

/** What a person can ask for. */
export const verbs = ["cancel", "suspend", "resume", "retry", "resolve"];

/** asked reads the filter from a query. @param {URLSearchParams} query @returns {Record<string, string>} */
export function asked(query) {
  const f = {};
  for (const field of fields) {
    const value = query.get(field);
    if (value) f[field] = value;
  }
  return f;
}

const day = /^\d{4}-\d\d-\d\d$/;
const two = (n) => String(n).padStart(2, "0");

/** after is the day that follows; until names the last day that is wanted. */
export function after(text) {
  if (!day.test(text ?? "")) return text;
  const d = new Date(text + "T00:00");
  d.setDate(d.getDate() + 1);
  return Number.isNaN(d.getTime()) ? text : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** moment turns a day, as it begins here, into a time; what is no day stays, for the server to judge. */
function moment(text) {
  if (!day.test(text ?? "")) return text;
  const d = new Date(text + "T00:00");
  return Number.isNaN(d.getTime()) ? text : d.toISOString();
}

/** parameters are the filter as the API takes it. */
export function parameters(f, now) {
  return { saga: f.saga, action: f.action, who: f.who, from: f.from ? moment(f.from) : since(f.since, now), to: moment(after(f.until)) };
}

const words = { who: "by", action: "action", saga: "saga", since: "in the last", from: "from", until: "until" };

/** say lists the filter in words, as [field, text]. */
export const say = (f) => fields.filter((field) => f[field]).map((field) => [field, `${words[field]} ${f[field]}`]);

/** outcome says what came of a request, as [shape and colour, word]. */
export function outcome(a) {
  if (a.obeyed) return ["completed", "s-completed", "obeyed"];
  return a.too_late ? ["waiting", "o-waiting", "too late"] : ["refused", "o-refused", "refused"];
}
