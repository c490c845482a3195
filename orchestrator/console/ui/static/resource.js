// What a page has asked for: the answer, why there is none, and whether it is on its way.
import { useEffect, useMemo, useRef, useState } from "./lib.js";

/**
 * useResource asks again whenever one of keys changes, and keeps the answer of
 * before on the screen meanwhile. An answer that was overtaken is dropped.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {any[]} keys without an element that is null: then nothing is asked
 * @returns {{data: T|undefined, error: import("./api.js").Problem|undefined, loading: boolean, reload: () => Promise<void>, set: (t: T) => void}}
 */
export function useResource(load, keys) {
  const [state, setState] = useState({ data: undefined, error: undefined, loading: true });
  const current = useRef(null);
  const latest = useRef(load);
  latest.current = load;
  const run = useMemo(() => async () => {
    current.current?.abort();
    const abort = new AbortController();
    current.current = abort;
    setState((s) => ({ ...s, loading: true }));
    try {
      const data = await latest.current(abort.signal);
      if (current.current === abort) setState({ data, error: undefined, loading: false });
    } catch (error) {
      if (current.current === abort && error.name !== "AbortError") setState((s) => ({ ...s, error, loading: false }));
    }
  }, []);
  useEffect(() => {
    if (!keys.includes(null)) run();
    return () => current.current?.abort();
  }, keys);
  return { ...state, reload: run, set: (data) => setState({ data, error: undefined, loading: false }) };
}

/** useEvery calls f again and again while the page is looked at. */
export function useEvery(ms, f) {
  const latest = useRef(f);
  latest.current = f;
  useEffect(() => {
    if (!ms) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) latest.current();
    }, ms);
    return () => clearInterval(timer);
  }, [ms]);
}

/** useNow is the time, so often as asked for, while the page is looked at; 0 stands still. */
export function useNow(ms) {
  const [now, setNow] = useState(Date.now());
  useEvery(ms, () => setNow(Date.now()));
  return ms ? now : Date.now();
}

/** calm makes f run soon after the last call, at most once in a while, and never twice at a time. */
export function calm(f, least = 250) {
  let timer = 0, running = false, again = false, took = 0;
  const run = async () => {
    timer = 0;
    if (running) {
      again = true;
      return;
    }
    running = true;
    const began = performance.now();
    try {
      await f();
    } finally {
      took = performance.now() - began;
      running = false;
      if (again) {
        again = false;
        soon();
      }
    }
  };
  // what takes long is asked for less often, so that a long saga does not cost the server everything
  const soon = () => {
    timer ||= setTimeout(run, Math.max(least, 4 * took));
  };
  return { soon, stop: () => clearTimeout(timer) };
}
