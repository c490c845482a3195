// What else is known of the saga.
import { html, useState } from "../lib.js";
import { Card, Copy } from "../parts/parts.js";
import { Body } from "../parts/payload.js";
import { count, plural } from "../model/format.js";
import { template, traceLink } from "./tracelink.js";

export function Facts({ saga, trace, sizeOf }) {
  const [url, setURL] = useState(template());
  const parent = trace.traceparent || saga.trace;
  const link = parent && traceLink(parent);
  return html`<${Card} title="Saga"><div class="stack"><dl class="facts">
      <dt>run</dt><dd class="num">${saga.run}</dd><dt>last link</dt><dd class="num">${saga.last}</dd><dt>messages</dt><dd class="num">${count(trace.messages)}</dd>
      ${saga.fingerprint && html`<dt>fingerprint</dt><dd><code>${saga.fingerprint}</code></dd>`}
      ${saga.pending > 0 && html`<dt>not decided</dt><dd>${plural(saga.pending, "input")}</dd>`}
      ${link && html`<dt>trace</dt><dd class="row">${link.to ? html`<a href=${link.to} target="_blank" rel="noreferrer">${link.id}</a>` : html`<code>${link.id}</code>`}<${Copy} text=${link.id} label="copy the trace id" /></dd>`}
      ${trace.controls.length > 0 && html`<dt>asked for</dt><dd><ul class="tight">${trace.controls.slice(-8).map((c) => html`<li class="small">${c.verb}${c.step ? ` ${c.direction ?? "do"} ${c.step}` : ""}${c.as ? ` as ${c.as}` : ""} by <b>${c.by}</b>${c.why ? `: ${c.why}` : ""}${c.refused ? html` <span class="way undo">refused: ${c.refused}</span>` : ""}${c.too_late ? html` <span class="way undo">too late</span>` : ""}</li>`)}</ul></dd>`}</dl>
    <section class="tight"><h3>Input</h3><${Body} saga=${saga.id} sequence=${saga.run} size=${sizeOf(saga.run)} what="input of the saga" /></section>
    <details><summary class="small">Open traces in another tool</summary><label class="field">Address of a trace<input value=${url} placeholder="http://localhost:16686/trace/{trace}" onChange=${(e) => setURL(template(e.target.value))} /><small>{trace} is where the trace's id goes; kept in this browser.</small></label></details></div><//>`;
}
