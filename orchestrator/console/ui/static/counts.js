// How many sagas there are by status: the frame and the list show it.
import { signal } from "./lib.js";
import { get } from "./api.js";
import { useEvery } from "./resource.js";
import { useEffect } from "./lib.js";

/** The newest answer of /counts, or null. */
export const counts = signal(null);

let asking = false;

/** count asks anew; an error leaves what is there. */
export async function count() {
  if (asking) return;
  asking = true;
  try {
    counts.value = await get("/counts");
  } catch {
    // the page itself says what cannot be reached
  } finally {
    asking = false;
  }
}

/** useCounts keeps the counts fresh, slowly: what has to be quick asks by itself. */
export function useCounts() {
  useEffect(() => {
    count();
  }, []);
  useEvery(15000, count);
}
