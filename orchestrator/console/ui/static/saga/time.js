// Time travel: a slider over the history. What it points at stands in the address.
import { html, useMemo } from "../lib.js";
import { address, set } from "../router.js";
import { Tabs } from "../parts/parts.js";
import { icon } from "../parts/icons.js";
import { indexOf } from "../model/history.js";
import { clock, count, length } from "../model/format.js";

/** timeOf finds the time of a message, in the rows in order. */
export function timeOf(rows, seq) {
  let low = 0, high = rows.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].seq < seq) low = middle + 1;
    else high = middle;
  }
  return rows[low]?.time ?? 0;
}

export function TimeTravel({ data, at, lookAt }) {
  const by = address.value.query.get("by") === "clock" ? "clock" : "event";
  const { points, rows } = data;
  const index = at ? indexOf(points, at) : points.length - 1;
  const first = rows[0]?.time ?? 0, last = rows.at(-1)?.time ?? 0;
  const seq = points[index] ?? 0;
  const time = timeOf(rows, seq);
  const marks = useMemo(() => rows.filter((r) => r.bad || r.group === "operator").slice(0, 60).map((r) => ({ x: by === "event" ? indexOf(points, r.seq) / Math.max(1, points.length - 1) : (r.time - first) / Math.max(1, last - first), bad: r.bad, text: r.text })), [rows, by]);
  if (points.length < 2) return null;
  const to = (i) => lookAt(i >= points.length - 1 ? 0 : points[Math.max(0, i)]);
  const slide = (value) => {
    if (by === "event") return to(Number(value));
    const wanted = first + ((last - first) * Number(value)) / 1000;
    let i = 0;
    for (const row of rows) {
      if (row.time > wanted) break;
      i = row.seq;
    }
    return to(indexOf(points, i));
  };
  const value = by === "event" ? index : Math.round((1000 * (time - first)) / Math.max(1, last - first));
  return html`<section class="card travel ${at ? "past" : ""}" aria-label="Time travel"><div class="in">
    <div class="row"><button type="button" class="btn icon" aria-label="One message back" title="back ( [ )" disabled=${index <= 0} onClick=${() => to(index - 1)}>${icon("previous", 14)}</button>
      <button type="button" class="btn icon" aria-label="One message on" title="on ( ] )" disabled=${!at} onClick=${() => to(index + 1)}>${icon("next", 14)}</button>
      <span class="num small where">message <b>${count(index + 1)}</b> of ${count(points.length)}<span class="muted"> · sequence ${seq} · ${clock(time)} · +${length(time - first)}</span></span></div>
    <div class="slider"><div class="marks" aria-hidden="true">${marks.map((m) => html`<i class=${m.bad ? "bad" : ""} style=${{ left: `calc(8px + (100% - 16px) * ${m.x.toFixed(4)})` }} title=${m.text}></i>`)}</div>
      <input type="range" min="0" max=${by === "event" ? points.length - 1 : 1000} value=${value} aria-label="Point of the history" aria-valuetext="message ${index + 1} of ${points.length}, ${clock(time)}" onInput=${(e) => slide(e.target.value)} /></div>
    <div class="row"><${Tabs} label="Slide by" value=${by} options=${[["event", "by message"], ["clock", "by clock"]]} onChange=${(v) => set({ by: v === "clock" ? v : "" })} />
      <button type="button" class="btn ${at ? "main" : ""}" disabled=${!at} onClick=${() => lookAt(0)}>${at ? "Back to now" : "Now"}</button></div></div></section>`;
}
