// The same as the graph, as an ordered list: for whoever hears the page, and for
// a narrow screen.
import { html } from "../lib.js";
import { Outcome, Way } from "../parts/parts.js";
import { length } from "../model/format.js";
import { nodeKey, segments } from "../model/trace.js";

/** how long all attempts took, from the first request on. */
function took(at, until) {
  const parts = at.attempts.flatMap((a, i) => segments(a, until, at.attempts[i + 1]));
  return parts.length ? parts.at(-1)[2] - parts[0][1] : 0;
}

/**
 * order lists the plan in the order in which it goes: forward, then what was
 * undone, in the order in which that was asked for, then what could be.
 */
export function order(graph, progress) {
  const forward = graph.nodes.filter((n) => n.kind === "do");
  const back = graph.nodes.filter((n) => n.kind === "undo");
  const asked = (n) => progress.get(n.id)?.attempts[0].requested.sequence ?? Infinity;
  return [...forward, ...back.map((n, i) => [n, i]).sort((a, b) => asked(a[0]) - asked(b[0]) || b[1] - a[1]).map(([n]) => n)];
}

export function Steps({ graph, progress, turned, selected, onSelect, until, most = 300 }) {
  const nodes = order(graph, progress);
  const key = selected.step ? nodeKey(selected.step, selected.direction) : "";
  return html`<ol class="steps" aria-label="Steps">${nodes.slice(0, most).map((n) => {
    const at = progress.get(n.id);
    const outcome = at ? (at.phase === "closed" ? at.outcome : at.phase) : "idle";
    return html`<li key=${n.id}><button type="button" class="step-row" aria-pressed=${n.id === key} onClick=${() => onSelect(n.id === key ? {} : { step: n.step, direction: n.kind })}>
      <${Way} direction=${n.kind} /><span class="cut"><b>${n.step}</b> <span class="muted small">${n.participant}.${n.action}</span>
        ${n.badge && html` <span class="tag">${n.badge}</span>`}${n.kind === "do" && turned?.step === n.step && html` <span class="way undo">↩ turned back here</span>`}</span>
      <span class="num muted small">${at ? `${at.attempts.length > 1 ? `×${at.attempts.length} · ` : ""}${length(took(at, until))}` : ""}</span><${Outcome} outcome=${outcome} /></button></li>`;
  })}</ol>${nodes.length > most && html`<p class="in muted small">and ${nodes.length - most} more: the events below have them all</p>`}`;
}
