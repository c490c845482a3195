// Bulk actions as this browser saw them last. Members keep them in memory: when the
// one that ran it is gone, this is what is left to go on from.
const stored = "amends.bulks";
const most = 20;

function read() {
  try {
    const list = JSON.parse(localStorage.getItem(stored) ?? "[]");
    return Array.isArray(list) ? list.filter((b) => typeof b?.id === "string" && typeof b.action === "string" && b.filter) : [];
  } catch {
    return [];
  }
}

/** remember keeps a bulk action, without what went wrong in it. */
export function remember({ errors, errors_cut, ...b }) {
  try {
    localStorage.setItem(stored, JSON.stringify([{ ...b, seen: Date.now() }, ...read().filter((x) => x.id !== b.id)].slice(0, most)));
  } catch {
    // then nothing is left of it
  }
}

/** recall returns it as it was seen last, or undefined. */
export const recall = (id) => read().find((b) => b.id === id);
