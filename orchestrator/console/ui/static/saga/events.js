// The event log: everything that is recorded of a saga, row by row.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../lib.js";
import { address, set } from "../router.js";
import { filter } from "../model/filter.js";
import { groups } from "../model/history.js";
import { place, reveal, slice } from "../model/window.js";
import { clock, count, length, plural } from "../model/format.js";
import { icon } from "../parts/icons.js";
import { Copy } from "../parts/parts.js";
import { redact } from "../permits.js";
import { message } from "./panel.js";
import { More, tall } from "./more.js";

const row = 30;
const shapes = { step: "running", undo: "compensating", saga: "info", operator: "hand", reply: "next", signal: "waiting", start: "absent" };

/** asked reads the log's filter from the address. */
export function asked() {
  const q = address.value.query;
  return { text: q.get("q") ?? "", kind: q.get("kind") ?? "", step: q.get("only") ?? "", failures: q.get("bad") === "1" };
}

function Tools({ steps, error, shown, total, complete }) {
  const now = asked();
  return html`<div class="row log-tools"><input type="search" id="log-filter" class="grow" placeholder="Filter: text, or /regex/" aria-label="Filter the events by text or regular expression" aria-invalid=${error ? "true" : undefined} value=${now.text} onInput=${(e) => set({ q: e.target.value })} />
    <select aria-label="Kind of event" value=${now.kind} onChange=${(e) => set({ kind: e.target.value })}><option value="">all kinds</option>${groups.map(([key, text]) => html`<option value=${key}>${text}</option>`)}</select>
    <select aria-label="Step" value=${now.step} onChange=${(e) => set({ only: e.target.value })}><option value="">all steps</option>${steps.slice(0, 500).map((s) => html`<option value=${s}>${s}</option>`)}</select>
    <label class="check"><input type="checkbox" checked=${now.failures} onChange=${(e) => set({ bad: e.target.checked ? 1 : "" })} />failures only</label>
    <span class="muted small num how-many" role=${error || shown !== total ? "status" : undefined}>${error ? html`<span class="way undo">${error}</span>` : `${shown === total ? plural(total, "event") : `${count(shown)} of ${plural(total, "event")}`}${complete ? "" : ", more on their way"}`}</span></div>`;
}

/**
 * Events shows the rows up to the point that one looks at; those after it are
 * faint, not gone: they can be clicked to go there.
 */
export function Events({ id, data, began, at, selected, onSelect, steps }) {
  const box = useRef(null);
  const [sight, setSight] = useState({ top: 0, height: 420 });
  const [seen, setSeen] = useState(0);
  const [open, setOpen] = useState(new Set()); // keys of rows whose message is shown in place
  const now = asked();
  const { rows, error } = useMemo(() => filter(data.rows, now), [data.rows, now.text, now.kind, now.step, now.failures]);
  const parts = useMemo(() => ({ row, tall, open: open.size ? rows.flatMap((r, i) => (open.has(r.key) ? [i] : [])) : [] }), [rows, open]);
  const toggle = (key) => setOpen((was) => {
    const next = new Set(was);
    if (!next.delete(key)) next.add(key);
    return next;
  });
  const look = () => box.current && setSight({ top: box.current.scrollTop, height: box.current.clientHeight });
  useLayoutEffect(() => {
    const watch = new ResizeObserver(look);
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  // Whoever selected something elsewhere is led to it; news never move the place.
  const wanted = selected.seq || at;
  useEffect(() => {
    const i = wanted ? rows.findIndex((r) => r.seq === wanted) : -1;
    if (i >= 0) box.current.scrollTop = reveal({ top: box.current.scrollTop, height: box.current.clientHeight - row, i, ...parts });
  }, [wanted, data.complete]);
  const whole = place(rows.length, parts);
  const atEnd = sight.top + sight.height >= whole - 2 * row;
  useEffect(() => {
    if (atEnd) setSeen(data.fresh);
  }, [atEnd, data.fresh]);
  const fresh = data.fresh - seen;
  const part = slice({ top: sight.top, height: sight.height, total: rows.length, ...parts });
  const pick = (r) => onSelect(r.seq === selected.seq && r.step === selected.step ? {} : { step: r.step, direction: r.direction, attempt: r.attempt, seq: r.seq });
  return html`<${Tools} steps=${steps} error=${error} shown=${rows.length} total=${data.rows.length} complete=${data.complete} />
    <div class="log scroll" ref=${box} onScroll=${look} tabindex="0" role="region" aria-label="Events"><table aria-rowcount=${rows.length + 1}>
      <thead><tr><th class="c-open"><span class="hidden">message</span></th><th class="c-seq right">sequence</th><th class="c-time">time</th><th class="c-since right">since start</th><th>what</th><th class="c-copy"><span class="hidden">copy</span></th></tr></thead>
      <tbody>${part.before > 0 && html`<tr class="space" aria-hidden="true"><td colspan="6" style=${{ height: part.before + "px" }}></td></tr>`}
      ${rows.slice(part.from, part.to).flatMap((r, i) => html`<tr key=${r.key} aria-rowindex=${part.from + i + 2} aria-selected=${r.seq === selected.seq ? "true" : undefined}
        class="${selected.step && r.step === selected.step && r.direction === selected.direction ? "same" : ""} ${at && r.seq > at ? "later" : ""} ${r.bad ? "bad" : ""} g-${r.group}" onClick=${() => pick(r)}>
        <td class="c-open" onClick=${(e) => e.stopPropagation()}><button type="button" class="btn plain icon low" aria-expanded=${open.has(r.key)} aria-label=${`message of row ${part.from + i + 1}`} onClick=${() => toggle(r.key)}>${icon("next", 12)}</button></td>
        <td class="c-seq num right">${r.seq}</td><td class="c-time num">${clock(r.time)}</td><td class="c-since num right muted">+${length(r.time - began)}</td>
        <td><button type="button" class="what cut" aria-pressed=${r.seq === selected.seq}>${icon(r.bad ? "failed" : shapes[r.group], 13)}<span class="cut">${r.text}</span></button></td>
        <td class="c-copy" onClick=${(e) => e.stopPropagation()}><${Copy} text=${() => message(id, r.seq).then((m) => JSON.stringify(redact(m, { saga: id, what: "message" }), null, 1))} label="copy as JSON" /></td></tr>${open.has(r.key) && html`<${More} key=${r.key + "+"} saga=${id} r=${r} began=${began} />`}`)}
      ${part.after > 0 && html`<tr class="space" aria-hidden="true"><td colspan="6" style=${{ height: part.after + "px" }}></td></tr>`}</tbody></table>
      ${!rows.length && html`<p class="alone muted">${data.complete ? "No event is like that: make the filter wider." : "Loading…"}</p>`}
      ${fresh > 0 && html`<div class="pill"><button type="button" class="btn main" onClick=${() => (box.current.scrollTop = whole)}>${plural(fresh, "new event")} ↓</button></div>`}</div>`;
}
