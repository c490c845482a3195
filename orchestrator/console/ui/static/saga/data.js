// What a saga's page knows: the saga, its attempts, its history, and what comes in.
import { useEffect, useMemo, useRef, useState } from "../lib.js";
import { get } from "../api.js";
import { calm } from "../resource.js";
import { useStream } from "../live.js";
import { extend, points } from "../model/history.js";

const pageSize = 2000;
const over = new Set(["completed", "compensated"]);

/** Empty is what is known before anything is. */
const nothing = () => ({ saga: null, trace: null, graph: null, rows: [], points: [], complete: false, error: null, gone: false, fresh: 0 });

/**
 * useSaga asks for a saga's summary first, so that there is something to see,
 * then for its history page by page, and goes on with what happens.
 */
export function useSaga(id) {
  const [, redraw] = useState(0);
  const store = useMemo(nothing, [id]);
  const draw = () => redraw((n) => n + 1);
  const abort = useRef(null);

  const summary = async (signal) => {
    const [saga, trace] = await Promise.all([get(`/sagas/${id}`, {}, signal), get(`/sagas/${id}/steps`, {}, signal)]);
    store.saga = saga;
    store.trace = trace;
    store.error = null;
  };
  const picture = async (signal) => {
    const { definition, version } = store.saga;
    if (!definition || store.graph) return;
    store.graph = await get(`/definitions/${definition}/${version}/graph`, {}, signal).catch(() => null);
  };
  const history = async (signal) => {
    let after = store.rows.at(-1)?.seq ?? 0;
    const entries = [];
    while (!signal.aborted) {
      const page = await get(`/sagas/${id}/history`, { after, limit: entries.length ? pageSize : 500 }, signal);
      entries.push(...page.entries);
      take(store, page.entries);
      draw();
      if (!page.next) break;
      after = page.next;
    }
    store.complete = true;
    take(store, store.queue ?? []);
    store.queue = [];
    draw();
  };
  const load = async () => {
    abort.current?.abort();
    const control = new AbortController();
    abort.current = control;
    try {
      await summary(control.signal);
      draw();
      await Promise.all([picture(control.signal).then(draw), history(control.signal)]);
    } catch (error) {
      if (error.name === "AbortError") return;
      store.error = error;
      draw();
    }
  };
  useEffect(() => {
    load();
    return () => abort.current?.abort();
  }, [id]);

  const again = useMemo(() => calm(async () => {
    try {
      await summary();
    } catch (error) {
      store.error = error;
    }
    draw();
  }), [id]);
  useEffect(() => again.stop, [id]);

  // The stream begins where the summary ends, and does so once.
  if (store.trace && store.since === undefined) store.since = store.trace.last;
  const live = store.since !== undefined && !over.has(store.saga.status) && !store.gone;
  useStream(live || store.streaming ? { saga: id, after: store.since } : null, {
    saga: ({ saga, entry }) => {
      if (saga !== id) return;
      if (store.complete) store.fresh += take(store, [entry]);
      else (store.queue ??= []).push(entry);
      draw();
      again.soon();
    },
    gone: () => {
      store.gone = true;
      draw();
    },
  });
  return { ...store, reload: load, refresh: again.soon };
}

/** take adds the entries that are new, and returns how many rows they are. */
function take(store, entries) {
  const rows = extend(store.rows, entries), before = store.rows.length;
  if (rows !== store.rows) {
    store.rows = rows;
    store.points = points(rows);
  }
  return rows.length - before;
}
