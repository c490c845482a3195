// The rows that a person has ticked. They stay while one looks into a saga and comes
// back, or goes a page on; of another filter they are others.
import { html, signal, useRef, useEffect } from "../lib.js";
import { may } from "../permits.js";
import { all, most, tick, tickAll } from "../model/ticks.js";
import { count } from "../model/format.js";
import { Told } from "./told.js";

const ticks = signal({ of: "", ids: /** @type {string[]} */ ([]) });

/** ticked are the ids that are ticked under a filter. @param {string} of @returns {string[]} */
export const ticked = (of) => (ticks.value.of === of ? ticks.value.ids : []);

/** toggle ticks a saga, or no longer. */
export const toggle = (of, id) => {
  ticks.value = { of, ids: tick(ticked(of), id) };
};

/** untick lets go of all. */
export const untick = () => {
  ticks.value = { of: "", ids: [] };
};

/** Tick is the box at a row. */
export const Tick = ({ of, id, pick }) => html`<label class="tick"><input type="checkbox" aria-label="Tick ${id}" checked=${ticked(of).includes(id)} onFocus=${pick} onChange=${() => toggle(of, id)} /></label>`;

/** TickAll is the box of all rows that are shown. */
export function TickAll({ of, shown }) {
  const box = useRef(null);
  const ids = ticked(of), whole = all(ids, shown);
  useEffect(() => {
    box.current.indeterminate = !whole && shown.some((id) => ids.includes(id));
  });
  const change = () => {
    ticks.value = { of, ids: tickAll(ids, shown) };
  };
  return html`<label class="tick"><input ref=${box} type="checkbox" aria-label="Tick all shown" checked=${whole} onChange=${change} /></label>`;
}

/** Ticked says how many are ticked, and acts on them. It stays in sight, and is heard by whoever ticks with a key. */
export function Ticked({ of, shown, act }) {
  const ids = ticked(of);
  const elsewhere = ids.filter((id) => !shown.includes(id)).length;
  const words = ids.length ? `${count(ids.length)} ticked${elsewhere ? `, ${count(elsewhere)} of them not shown here` : ""}${ids.length >= most ? ": no more can be" : ""}` : "";
  return html`<${Told} text=${words} least=${800} />${ids.length > 0 && html`<div class="ticked spread"><strong class="small num">${words}</strong>
    <div class="row"><button type="button" class="btn low plain" onClick=${untick}>Untick all</button><button type="button" class="btn low main" data-action="bulk-ticked" disabled=${Boolean(may("bulk"))} title=${may("bulk")} onClick=${act}>Act on those ticked…</button></div></div>`}`;
}
