// Where sagas pile up: definitions by status, with thresholds that a person sets in
// this browser.
import { html, signal, useState } from "../lib.js";
import { href } from "../router.js";
import { Card, Status } from "./parts.js";
import { icon } from "./icons.js";
import { count } from "../model/format.js";
import { defaults, legend, level, order, parse, problem, restore, shapes, words } from "../model/heat.js";

const stored = "amends.thresholds";
const limits = signal((() => {
  try {
    return restore(localStorage.getItem(stored));
  } catch {
    return restore();
  }
})());

function keep(next) {
  limits.value = next;
  try {
    localStorage.setItem(stored, JSON.stringify(next));
  } catch {
    // for this visit only
  }
}

function Cell({ d, status }) {
  const n = d.statuses[status] ?? 0, l = level(n, limits.value[status]);
  return html`<td class="num s-${status} h-${l}"><a href=${href("/", { definition: d.definition, version: d.version, status })}>${l > 1 && html`<span class="mark">${icon(shapes[l], 12)}${words[l]}</span> `}<span>${count(n)}</span></a></td>`;
}

/** Thresholds is the form in which they are set; an empty field is never. */
function Thresholds({ close }) {
  const [said, setSaid] = useState(/** @type {Record<string, string>} */ (Object.fromEntries(order.flatMap((s) => ["many", "too"].map((which) => [`${s}-${which}`, String(limits.value[s][which] ?? "")])))));
  const [wrong, setWrong] = useState("");
  const edit = (e) => {
    setSaid({ ...said, [e.target.name]: e.target.value });
    setWrong("");
  };
  const save = (event) => {
    event.preventDefault();
    const next = Object.fromEntries(order.map((s) => [s, parse(said[`${s}-many`], said[`${s}-too`])]));
    const bad = order.find((s) => problem(next[s]));
    if (bad) return setWrong(`${bad}: ${problem(next[bad])}`);
    keep(next);
    return close();
  };
  const field = (s, which, label) => html`<input type="number" inputmode="numeric" min="1" max="999999999" step="1" placeholder="never" name="${s}-${which}" aria-label="${s}: ${label} from" value=${said[`${s}-${which}`]} onInput=${edit} />`;
  return html`<form class="thresholds in" aria-label="Thresholds" onSubmit=${save}>
    <div class="grid"><span class="tiny muted">status</span><span class="tiny muted">many from</span><span class="tiny muted">too many from</span>
      ${order.map((s) => html`<${Status} status=${s} />${field(s, "many", "many")}${field(s, "too", "too many")}`)}</div>
    ${wrong && html`<div class="banner s-stuck" role="alert">${icon("stuck", 18)}<div>${wrong}</div></div>`}
    <div class="row"><button class="btn main low">Keep in this browser</button><button type="button" class="btn low" onClick=${() => { keep(defaults); close(); }}>As at first</button><button type="button" class="btn plain low" onClick=${close}>Leave it</button></div></form>`;
}

/** Heat is the table: where they are many it says so by a shape and in words, not by its shade alone. */
export function Heat({ rows }) {
  const [setting, setSetting] = useState(false);
  const line = (l, which) => html`<dt class="mark">${icon(shapes[l], 12)}${words[l]}</dt><dd>from ${legend(limits.value, which)}</dd>`;
  const tools = html`<button type="button" class="btn low" aria-expanded=${setting ? "true" : "false"} onClick=${() => setSetting(!setting)}>Thresholds…</button>`;
  return html`<${Card} flush title="Sagas by definition and status" tools=${tools}>${setting && html`<${Thresholds} close=${() => setSetting(false)} />`}
    <div class="scroll" tabindex="0" role="region" aria-label="Definitions by status"><table class="heat"><thead><tr><th>definition</th>${order.map((s) => html`<th class="right"><${Status} status=${s} /></th>`)}<th class="right">in all</th></tr></thead>
    <tbody>${rows.map((d) => html`<tr key=${d.definition + d.version}><td><a href=${href(`/definitions/${d.definition}/${d.version}`)}>${d.definition}@${d.version}</a></td>${order.map((status) => html`<${Cell} d=${d} status=${status} />`)}<td class="right num">${count(Object.values(d.statuses).reduce((a, b) => a + b, 0))}</td></tr>`)}</tbody></table></div>
    <dl class="in facts legend" aria-label="What the marks mean">${line(2, "many")}${line(3, "too")}</dl><//>`;
}
