// The one connection of a page over which news come. The browser reconnects by
// itself, and says how far it has read; the server fills the gap.
import { signal, useEffect, useRef } from "./lib.js";
import { url } from "./api.js";

/** Whether news come: "off" where there is nothing to wait for, "connecting", "live", "lost". */
export const connection = signal("off");

/**
 * useStream hands every event of a stream on, until query is null.
 * @param {Record<string, any>|null} query of /stream
 * @param {Record<string, (data: any) => void>} on by the event's name
 */
export function useStream(query, on) {
  const handlers = useRef(on);
  handlers.current = on;
  const to = query && url("/stream", query);
  useEffect(() => {
    if (!to) {
      connection.value = "off";
      return undefined;
    }
    let source, timer, last = "", closed = false;
    const open = () => {
      connection.value = "connecting";
      source = new EventSource(last ? withAfter(to, last) : to);
      source.onopen = () => {
        connection.value = "live";
      };
      source.onerror = () => {
        connection.value = "lost";
        // A browser gives up on an answer that is an error; we do not.
        if (source.readyState === EventSource.CLOSED && !closed) timer = setTimeout(open, 3000);
      };
      for (const name of Object.keys(handlers.current)) {
        source.addEventListener(name, (event) => {
          if (event.lastEventId) last = event.lastEventId;
          connection.value = "live";
          handlers.current[name]?.(parse(event.data));
        });
      }
    };
    open();
    return () => {
      closed = true;
      clearTimeout(timer);
      source.close();
      connection.value = "off";
    };
  }, [to]);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function withAfter(to, last) {
  const u = new URL(to, location.href);
  u.searchParams.set("after", last);
  return u.href;
}
