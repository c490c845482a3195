// A small picture of how often something happened.
import { html } from "../lib.js";

/** Spark draws counts, oldest first, as columns; the words are for whoever hears it. */
export function Spark({ counts, words }) {
  const most = Math.max(1, ...counts);
  const width = 132, height = 28, step = width / counts.length;
  return html`<svg class="spark" viewBox="0 0 ${width} ${height}" role="img" aria-label=${words}><line x1="0" x2=${width} y1=${height - 0.5} y2=${height - 0.5} stroke="var(--line-strong)" stroke-width="1" />
    ${counts.map((n, i) => n > 0 && html`<rect x=${i * step + 0.5} width=${Math.max(1, step - 1)} y=${height - 1 - Math.max(2, (n / most) * (height - 3))} height=${Math.max(2, (n / most) * (height - 3))} fill="currentColor"><title>${n}</title></rect>`)}</svg>`;
}
