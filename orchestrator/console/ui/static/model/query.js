// The list's filter: from the address to the API and to the CLI. Pure.

/** What can be filtered by, in the order in which it is shown. */
export const fields = ["status", "definition", "version", "step", "tag", "fingerprint", "stuck_longer_than", "since", "from", "to", "suspended", "parked", "retrying"];

/** asked reads the filter from a query. @param {URLSearchParams} query */
export function asked(query) {
  const f = {};
  for (const field of fields) {
    const value = query.get(field);
    if (value) f[field] = value;
  }
  return f;
}

const spans = { h: 3600e3, d: 86400e3, m: 60e3 };

/** since turns 24h into a time. */
export function since(text, now) {
  const found = /^(\d{1,5})([mhd])$/.exec(text ?? "");
  return found ? new Date(now - Number(found[1]) * spans[found[2]]).toISOString() : undefined;
}

/** stamp turns a moment as a person writes it, in the browser's own zone, into a time; nothing if it is none. */
export function stamp(text) {
  const at = text ? new Date(text) : undefined;
  return at && !Number.isNaN(at.getTime()) ? at.toISOString() : undefined;
}

/** parameters are the filter as the list takes it. */
export function parameters(f, now) {
  const { status, since: span, ...rest } = f;
  return { ...rest, from: stamp(f.from) ?? since(span, now), to: stamp(f.to), status: status ? status.split(",") : undefined };
}

/** body is the filter as bulk actions take it. */
export function body(f, now) {
  const p = parameters(f, now);
  const out = {};
  for (const [key, value] of Object.entries(p)) if (value !== undefined && key !== "status") out[key] = value;
  if (p.status) out.statuses = p.status;
  if (out.version) out.version = Number(out.version);
  for (const flag of ["suspended", "parked", "retrying"]) if (out[flag]) out[flag] = true;
  return out;
}

const words = {
  definition: "definition", version: "version", step: "at step", tag: "tag", fingerprint: "error",
  stuck_longer_than: "stuck longer than", since: "started in the last", from: "started from", to: "started before", suspended: "suspended", parked: "parked", retrying: "retrying now", status: "status",
};

/** say lists the filter in words, as [field, text]. */
export function say(f) {
  return fields.filter((field) => f[field]).map((field) => [field, f[field] === "true" ? words[field] : `${words[field]} ${f[field].replaceAll(",", " or ")}`]);
}
