// What is known of the selected step, attempt or event.
import { html, useState } from "../lib.js";
import { get } from "../api.js";
import { href } from "../router.js";
import { useResource } from "../resource.js";
import { Card, Cli, Copy, Failed, Outcome, Tabs, Way } from "../parts/parts.js";
import { Body, Value } from "../parts/payload.js";
import { icon } from "../parts/icons.js";
import { history } from "../model/cli.js";
import { clock, length, plural, time } from "../model/format.js";
import { nodeKey } from "../model/trace.js";
import { traceLink } from "./tracelink.js";
import { Actions } from "./actions.js";

const Trace = ({ parent }) => {
  if (!parent) return html`<span class="muted">none</span>`;
  const { id, to } = traceLink(parent);
  return html`${to ? html`<a href=${to} target="_blank" rel="noreferrer">${id}</a>` : html`<code>${id}</code>`} <${Copy} text=${id} label="copy the trace id" />`;
};

const us = (n) => (n === undefined ? "–" : length(n / 1000));

function Attempt({ a, open, onPick, began }) {
  const outcome = a.outcome ?? "open";
  return html`<li class="attempt ${open ? "sel" : ""}"><button type="button" class="attempt-head" aria-expanded=${open} onClick=${onPick}>
      <b class="num">${a.settle ? "settle" : `attempt ${a.number}`}</b><${Outcome} outcome=${outcome} />${a.by_hand && html`<span class="chip s-suspended">${icon("hand")}by hand</span>`}
      <span class="muted small num grow right">+${length(time(a.requested.time) - began)}</span></button>
    ${a.reason && html`<p class="reason">${a.reason}</p>`}
    ${open && html`<dl class="facts">
      <dt>requested</dt><dd class="num">${clock(time(a.requested.time))} <span class="muted">at ${a.requested.sequence}</span></dd>
      ${a.answered && html`<dt>answered</dt><dd class="num">${clock(time(a.answered.time))} <span class="muted">at ${a.answered.sequence}</span></dd>`}
      ${a.recorded && html`<dt>recorded</dt><dd class="num">${clock(time(a.recorded.time))} <span class="muted">at ${a.recorded.sequence}</span></dd>`}
      ${a.instance && html`<dt>answered by</dt><dd><code>${a.instance}</code></dd>`}
      <dt>queueing</dt><dd class="num">${us(a.queue_us)}</dd><dt>work</dt><dd class="num">${us(a.took_us)}</dd>
      ${a.due && html`<dt>unknown at</dt><dd class="num">${clock(time(a.due))}</dd>`}
      ${a.next_at && html`<dt>next attempt</dt><dd class="num">${clock(time(a.next_at))}</dd>`}
      ${a.late?.length > 0 && html`<dt>late answers</dt><dd>${a.late.map((l) => l.sequence).join(", ")}</dd>`}
      <dt>trace</dt><dd><${Trace} parent=${a.reply_traceparent || a.traceparent} /></dd></dl>`}</li>`;
}

/** StepPanel shows a direction of a step. */
export function StepPanel({ saga, graph, progress, most, selected, select, plan, began, at, sizeOf }) {
  const p = progress.get(nodeKey(selected.step, selected.direction));
  const [all, setAll] = useState(false);
  const node = graph?.nodes.find((n) => n.id === nodeKey(selected.step, selected.direction));
  const limit = most.get(nodeKey(selected.step, selected.direction));
  const other = selected.direction === "undo" ? "do" : "undo";
  const hasOther = graph?.nodes.some((n) => n.id === nodeKey(selected.step, other));
  const attempts = p?.attempts ?? [];
  const chosen = attempts.find((a) => a.number === selected.attempt && !a.settle) ?? attempts.at(-1);
  const first = attempts.find((a) => !a.settle) ?? attempts[0];
  const replied = [...attempts].reverse().find((a) => a.answered && a.output_bytes > 0);
  const shown = all || attempts.length <= 12 ? attempts : [...new Set([...attempts.slice(0, 3), ...attempts.slice(-6), chosen])].sort((a, b) => attempts.indexOf(a) - attempts.indexOf(b));
  const outcome = p ? (p.phase === "closed" ? p.outcome : p.phase) : "idle";
  const failed = [...attempts].reverse().find((a) => a.reason);
  return html`<${Card} flush title=${html`<${Way} direction=${selected.direction} /> ${selected.step}`} tools=${html`
      ${hasOther && html`<${Tabs} label="Direction" value=${selected.direction} options=${[["do", "do"], ["undo", "undo"]]} onChange=${(d) => select({ step: selected.step, direction: d })} />`}
      <button type="button" class="btn plain icon low" aria-label="Let go of the step" title="Let go (Escape)" onClick=${() => select({})}>${icon("close", 14)}</button>`}>
    <div class="in stack panel">
    <div class="row"><${Outcome} outcome=${outcome} />${node?.badge && html`<span class="tag">${node.badge}</span>`}<span class="muted small">${plural(attempts.length, "attempt")}${limit ? `, ${limit} by its policy` : ""}</span></div>
    ${failed && outcome !== "done" && outcome !== "undone" && html`<div class="banner s-stuck">${icon("failed", 16)}<div><strong>${failed.outcome ?? "failed"}</strong><div class="small">${failed.reason}</div></div></div>`}
    <${Actions} saga=${saga} plan=${plan} step=${selected.step} direction=${selected.direction} at=${at} />
    <dl class="facts"><dt>participant</dt><dd>${chosen?.participant ?? node?.participant ?? "–"}</dd><dt>action</dt><dd>${chosen?.action ?? node?.action ?? "–"}</dd>
      ${chosen?.key && html`<dt>idempotency key</dt><dd class="row"><code>${chosen.key}</code><${Copy} text=${chosen.key} label="copy the key" /></dd>`}</dl>
    ${!p && html`<p class="muted small">Not requested${at ? " at this point" : " yet"}.</p>`}
    ${first && html`<section class="tight"><h3>Input</h3><${Body} saga=${saga.id} sequence=${first.requested.sequence} size=${sizeOf(first.requested.sequence)} what="input" /></section>`}
    ${replied && html`<section class="tight"><h3>Output</h3><${Body} saga=${saga.id} sequence=${replied.answered.sequence} size=${replied.output_bytes} what="output" /></section>`}
    ${attempts.length > 0 && html`<section class="tight"><h3>Attempts</h3><ol class="attempts">${shown.map((a) => html`<${Attempt} key=${a.requested.sequence} a=${a} began=${began} open=${a === chosen}
        onPick=${() => select({ step: selected.step, direction: selected.direction, attempt: a.number, seq: a.requested.sequence })} />`)}</ol>
      ${shown.length < attempts.length && html`<button type="button" class="btn low" onClick=${() => setAll(true)}>Load all ${attempts.length} attempts</button>`}</section>`}
    </div><//>`;
}

/** message is one message of a history, whole: the page keeps of each only what its row shows. */
export const message = (id, seq, signal) => get(`/sagas/${id}/history`, { after: seq - 1, limit: 1 }, signal).then((page) => page.entries[0]);

/** EventPanel shows one message of the journal as it is. */
export function EventPanel({ saga, seq, at, lookAt }) {
  const found = useResource((signal) => message(saga.id, seq, signal), [saga.id, seq]);
  const entry = found.data;
  if (found.error) return html`<${Failed} error=${found.error} retry=${found.reload} />`;
  if (entry?.sequence !== seq) return null;
  const { events, ...rest } = entry;
  return html`<${Card} flush title="Message ${seq}" tools=${html`${at !== seq && html`<button type="button" class="btn low" onClick=${() => lookAt(seq)}>Look from here</button>`}`}>
    <div class="in stack panel"><dl class="facts">${Object.entries(rest).filter(([k, v]) => v !== "" && typeof v !== "object" && !["sequence"].includes(k)).map(([k, v]) => html`<dt>${k.replaceAll("_", " ")}</dt><dd class=${typeof v === "number" ? "num" : ""}>${k === "traceparent" ? html`<${Trace} parent=${v} />` : k === "input" && v.startsWith("bulk-") ? html`<a href=${href(`/bulk/${v}`)}>${v}</a>` : String(v)}</dd>`)}</dl>
    ${events?.map((ev) => html`<section class="tight"><h3>${ev.type}</h3><${Value} value=${ev.data} saga=${saga.id} what=${ev.type} /></section>`)}
    ${entry.bytes > 0 && html`<section class="tight"><h3>Body</h3><${Body} saga=${saga.id} sequence=${seq} size=${entry.bytes} what="body" /></section>`}
    <div class="tight"><span class="tiny muted">The same on the command line</span><${Cli} command=${history(saga.id, seq)} /></div></div><//>`;
}
