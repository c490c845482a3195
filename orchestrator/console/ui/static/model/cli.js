// The CLI command that does what a button does. Pure.

/** quote writes a word for a shell. */
export function quote(word) {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * control is the command of a request about one saga.
 * @param {{id: string, action: string, step?: string, direction?: string, attempt?: number, as?: string,
 *   output?: string, unsettled?: boolean, reason?: string, who?: string}} r
 */
export function control(r) {
  const words = ["amends", r.action];
  const add = (flag, value) => value !== undefined && value !== "" && words.push(flag, quote(String(value)));
  if (r.action === "retry" || r.action === "resolve") {
    add("--step", r.step);
    if (r.direction === "undo") add("--direction", "undo");
    add("--attempt", r.attempt || "");
  }
  if (r.action === "resolve") {
    add("--as", r.as);
    if (r.as === "done") add("--output", r.output);
    if (r.unsettled) words.push("--no-settle");
    words.push("--yes");
  }
  add("--why", r.reason);
  add("--by", r.who);
  return about(r.id, words);
}

/**
 * about names the saga in a command, so that an id which begins with a dash is no flag.
 * @param {string} id
 * @param {string[]} words of the command
 */
function about(id, [name, verb, ...flags]) {
  return (id.startsWith("-") ? [name, verb, ...flags, "--", id] : [name, verb, id, ...flags]).join(" ");
}

/** history is the command that shows a saga's messages from one on. */
export const history = (id, from) => about(id, ["amends", "history", "--from", String(from), "--payloads"]);

/** failures is the command that groups failures alike. */
export function failures(asked) {
  const words = ["amends", "failures"];
  for (const key of ["definition", "step", "since"]) if (asked[key]) words.push("--" + key, quote(asked[key]));
  return words.join(" ");
}

/** audit is the command that shows what people asked for; its until is the day that follows. */
export function audit(f) {
  const words = ["amends", "audit"];
  for (const [flag, value] of [["--saga", f.saga], ["--by", f.who], ["--action", f.action], ["--since", f.from ?? f.since], ["--until", f.until]]) {
    if (value) words.push(flag, quote(value));
  }
  return words.join(" ");
}

const flags = {
  statuses: "--status", tag: "--tag", from: "--since", to: "--until", step: "--step",
  fingerprint: "--fingerprint", stuck_longer_than: "--stuck-longer-than",
};

/** names is the command that writes sagas line by line, as list does. Ids need no quotes. @param {string[]} ids */
export const names = (ids) => `printf '%s\\n' ${ids.join(" ")}`;

/** list is the command that lists what a filter matches. */
export function list(filter, ...more) {
  const words = ["amends", "list"];
  if (filter.definition) words.push("--definition", quote(filter.definition + (filter.version ? `@${filter.version}` : "")));
  for (const [key, flag] of Object.entries(flags)) {
    const value = filter[key];
    if (value === undefined || value === "" || value?.length === 0) continue;
    for (const v of Array.isArray(value) ? value : [value]) words.push(flag, quote(String(v)));
  }
  for (const flag of ["suspended", "parked", "retrying"]) if (filter[flag]) words.push("--" + flag);
  return [...words, ...more].join(" ");
}
