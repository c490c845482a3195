// How the pages ask. Every error has a title and, where it can be known, what to do.
import { base } from "./router.js";

/** An error as the API says it (RFC 9457), or as the network does. */
export class Problem extends Error {
  constructor({ title, detail, status = 0, code = "", ...rest }) {
    super(detail || title);
    this.title = title;
    this.detail = detail ?? "";
    this.status = status;
    this.code = code;
    this.rest = rest;
  }
}

/** url makes the address of an operation; a list repeats its key. */
export function url(path, query = {}) {
  const q = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const v of Array.isArray(value) ? value : [value]) {
      if (v !== undefined && v !== null && v !== "" && v !== false) q.append(key, String(v));
    }
  }
  const text = q.toString();
  return `${base}/api/v1${path}${text ? "?" + text : ""}`;
}

/** get asks for JSON. */
export const get = (path, query, signal) => ask(url(path, query), { signal });

/** post sends JSON; the answer's status tells "done" from "stored". */
export const post = (path, body) => ask(url(path), {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
});

/** drawn is a new id of a request: sent again with the same one it is the same request. */
export const drawn = (prefix) => prefix + [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, "0")).join("");

/** settled reports whether an error says what came of a request: without an answer it may have been obeyed. */
export const settled = (error) => error.status >= 400 && error.status < 500;

async function ask(to, options) {
  const response = await reach(to, options);
  const kind = response.headers.get("Content-Type") ?? "";
  if (!response.ok) throw await problem(response, kind);
  return kind.includes("json") ? response.json() : response.text();
}

/** text asks for bytes, and reads them as text. */
export async function text(path, signal) {
  const response = await reach(url(path), { signal });
  if (!response.ok) throw await problem(response, response.headers.get("Content-Type") ?? "");
  return response.text();
}

async function reach(to, options) {
  try {
    return await fetch(to, { ...options, credentials: "same-origin" });
  } catch (e) {
    if (e.name === "AbortError") throw e;
    throw new Problem({
      title: "The server does not answer", code: "unreachable",
      detail: "Is the process that serves this page still running? It is asked again as soon as you try.",
    });
  }
}

async function problem(response, kind) {
  if (kind.includes("json")) {
    try {
      return new Problem(await response.json());
    } catch {
      // cut short: what the status says is left
    }
  }
  return new Problem({ title: `The server answered ${response.status}`, status: response.status, detail: response.statusText });
}
