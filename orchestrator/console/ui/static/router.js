// The address is the state: what is selected, filtered or looked back at stands
// in it, so that a link shows the same to somebody else.
import { signal } from "./lib.js";

/** Where a proxy puts us, without a slash at its end. */
export const base = document.querySelector('meta[name="amends-base"]')?.getAttribute("content") ?? "";

const read = () => ({
  path: location.pathname.startsWith(base) ? location.pathname.slice(base.length) || "/" : "/",
  query: new URLSearchParams(location.search),
});

/** The address below the base, as {path, query}. */
export const address = signal(read());

addEventListener("popstate", () => {
  address.value = read();
});

/**
 * href makes an address of a path below the base and a query, without what is empty.
 * @param {string} path
 * @param {Record<string, string|number|boolean|undefined|null>} [query]
 */
export function href(path, query = {}) {
  const q = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "" && value !== false) q.set(key, String(value));
  }
  const text = q.toString();
  return base + path + (text ? "?" + text : "");
}

/** go opens another address; the way back in the browser leads here again. */
export function go(to, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", to);
  const before = address.value.path;
  address.value = read();
  if (address.value.path !== before) scrollTo(0, 0);
}

/**
 * set changes parts of the query in place: a selection is no new page.
 * @param {Record<string, any>} changes
 * @param {{replace?: boolean}} [options]
 */
export function set(changes, options = { replace: true }) {
  const query = new URLSearchParams(address.value.query);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined || value === null || value === "" || value === false) query.delete(key);
    else query.set(key, String(value));
  }
  const text = query.toString();
  go(base + address.value.path + (text ? "?" + text : ""), options);
}

/** follow lets links within the UI change the address without loading a page. */
export function follow(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const to = new URL(link.href);
  if (to.origin !== location.origin || link.target || link.hasAttribute("download")) return;
  const below = to.pathname.slice(base.length);
  if (!to.pathname.startsWith(base) || below.startsWith("/api/")) return;
  if (to.hash && to.pathname === location.pathname) return;
  event.preventDefault();
  go(to.pathname + to.search);
}
