// A message of the journal beneath its row in the event log.
import { html } from "../lib.js";
import { useResource } from "../resource.js";
import { redact } from "../permits.js";
import { history } from "../model/cli.js";
import { clock, json, length } from "../model/format.js";
import { Cli, Copy, Failed } from "../parts/parts.js";
import { Text } from "../parts/payload.js";
import { message } from "./panel.js";

/** How high the part is, whatever is in it: the list has to know before it is drawn. */
export const tall = 260;

const line = (r, began) => [r.seq, clock(r.time), `+${length(r.time - began)}`, r.text].join("\t");

export function More({ saga, r, began }) {
  const found = useResource((signal) => message(saga, r.seq, signal), [saga, r.seq]);
  const entry = found.data;
  return html`<tr class="more"><td colspan="6"><div class="more-in">
    <div class="row nowrap"><${Cli} command=${history(saga, r.seq)} /><span class="row nowrap small muted">row <${Copy} text=${line(r, began)} label="copy the row" /></span></div>
    ${found.error ? html`<${Failed} error=${found.error} retry=${found.reload} />` : entry ? html`<${Text} text=${json(redact(entry, { saga, what: "message" }))} label=${`message ${r.seq}, row ${r.key}`} />` : html`<p class="muted small">loading…</p>`}</div></td></tr>`;
}
