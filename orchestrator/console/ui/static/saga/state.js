// The saga's data as of a point, and what differs between two points.
import { html } from "../lib.js";
import { address, set } from "../router.js";
import { get } from "../api.js";
import { useResource } from "../resource.js";
import { Card, Failed, Tabs } from "../parts/parts.js";
import { Text, Value } from "../parts/payload.js";
import { redact } from "../permits.js";
import { json } from "../model/format.js";
import { compare } from "./selection.js";

const short = (value) => (value === undefined ? "" : typeof value === "string" ? value : json(value));
const signs = { added: "+", removed: "−", changed: "→" };

/** Place writes where a change is. */
const place = (path) => path.join(" › ");

function Change({ c, saga }) {
  const [before, after] = [c.before, c.after].map((v) => v !== undefined && redact(v, { saga, what: "change" }));
  return html`<tr class="c-${c.op}"><td><span class="sign">${signs[c.op]}</span><span class="hidden">${c.op}: </span> <code>${place(c.path)}</code></td>
    <td>${c.before !== undefined && html`<${Cell} text=${short(before)} />`}</td><td>${c.after !== undefined && html`<${Cell} text=${short(after)} />`}</td></tr>`;
}

// A cell is short; what is long opens.
function Cell({ text }) {
  return text.length < 160 ? html`<code>${text}</code>` : html`<details><summary class="small">${text.slice(0, 60)}…</summary><${Text} text=${text} label="value" /></details>`;
}

/** State shows the data at a point, its difference from another, and both side by side. */
export function State({ saga, points, at, from }) {
  const asked = address.value.query.get("data");
  const view = asked === "state" || asked === "both" ? asked : "changes";
  const to = at || points.at(-1) || 0;
  const index = points.indexOf(to);
  const before = from || points[Math.max(0, index - 1)] || 0;
  const ready = to > 0 && before > 0;
  const changes = useResource((signal) => get(`/sagas/${saga}/diff`, { from: Math.min(before, to), to: Math.max(before, to) }, signal), [saga, ready && view === "changes" && before !== to ? before : null, to]);
  const now = useResource((signal) => get(`/sagas/${saga}`, { at: to, payloads: true }, signal), [saga, view !== "changes" && to ? to : null]);
  const then = useResource((signal) => get(`/sagas/${saga}`, { at: before, payloads: true }, signal), [saga, view === "both" && before ? before : null]);
  const choices = points.length > 400 ? points.filter((p, i) => i % Math.ceil(points.length / 400) === 0 || p === before) : points;
  const resource = view === "changes" ? changes : now;
  return html`<${Card} flush title="Data" tools=${html`<label class="row small">from <select aria-label="Compare from" value=${from || ""} onChange=${(e) => compare(Number(e.target.value))}><option value="">the message before</option>${choices.map((p) => html`<option value=${p}>${p}</option>`)}</select></label>
      <${Tabs} label="Show" value=${view} options=${[["changes", "changes"], ["state", "whole"], ["both", "side by side"]]} onChange=${(v) => set({ data: v === "changes" ? "" : v })} />`}>
    <${Failed} error=${resource.error} retry=${resource.reload} />
    ${view === "changes" && changes.data && (changes.data.changes.length ? html`<div class="scroll" tabindex="0" role="region" aria-label="Changes"><table class="changes"><thead><tr><th>${changes.data.from} → ${changes.data.to}</th><th>before</th><th>after</th></tr></thead><tbody>${changes.data.changes.slice(0, 120).map((c, i) => html`<${Change} key=${i} c=${c} saga=${saga} />`)}</tbody></table></div>` : html`<p class="in muted small">Nothing differs between ${before} and ${to}.</p>`)}
    ${view === "changes" && changes.data?.changes.length > 120 && html`<p class="in small muted">and ${changes.data.changes.length - 120} more: take points that are nearer to each other, or see the whole</p>`}
    ${view === "state" && now.data && html`<div class="in"><${Value} value=${now.data} saga=${saga} what="state" /></div>`}
    ${view === "both" && html`<div class="in both"><div class="tight"><h3 class="num">${before}</h3>${then.data && html`<${Value} value=${then.data} saga=${saga} what="state before" />`}</div><div class="tight"><h3 class="num">${to}</h3>${now.data && html`<${Value} value=${now.data} saga=${saga} what="state after" />`}</div></div>`}<//>`;
}
