// Attempts as bars over time: forward and compensation in bands of their own.
import { html, useLayoutEffect, useMemo, useRef, useState } from "../lib.js";
import { axis, bands, bars, busy, ticks } from "../model/waterfall.js";
import { slice } from "../model/window.js";
import { length, plural, time } from "../model/format.js";
import { path as shape } from "../parts/icons.js";
import { Overview } from "../parts/overview.js";

const row = 28;
const spare = 26; // behind the bars, for the outcome of the last
const kinds = { queue: "queueing", work: "work", open: "in flight", silent: "no answer", backoff: "back-off" };

/** flat is the list of rows: a band's name, then its lines. */
function flat(lines) {
  const list = [];
  for (const [direction, name] of [["do", "→ forward"], ["undo", "← compensation"]]) {
    if (lines[direction].length) list.push({ band: name, direction }, ...lines[direction]);
  }
  return list;
}

function Bar({ bar, onSelect, selected }) {
  const a = bar.attempt;
  const text = `${kinds[bar.kind]} ${length(bar.to - bar.from)} · attempt ${a.number}${bar.count > 1 ? ` and ${bar.count - 1} more` : ""}${a.outcome ? ` · ${a.outcome}` : ""}${a.reason ? `: ${a.reason}` : ""}`;
  const y = bar.kind === "work" || bar.kind === "open" || bar.kind === "silent" ? 6 : bar.kind === "queue" ? 10 : 13;
  return html`<rect class="bar-${bar.kind} ${selected ? "sel" : ""}" x=${bar.x} width=${bar.width} y=${y} height=${row - 2 * y} rx=${Math.min(3, bar.width / 2)} onClick=${onSelect}><title>${text}</title></rect>`;
}

function Line({ line, ax, width, selected, onSelect, critical }) {
  const drawn = bars(line, ax, width - spare);
  const last = line.attempts.at(-1).attempt;
  const end = drawn.at(-1);
  const outcome = last.halted ? "halted" : last.outcome ?? "open";
  const right = end ? end.x + end.width + 5 : 0;
  const here = selected.step === line.step && selected.direction === line.direction;
  const tries = line.attempts.length;
  const pick = (a) => onSelect({ step: line.step, direction: line.direction, attempt: a?.number ?? 0, seq: a?.requested.sequence ?? 0 });
  return html`<div class="line ${line.direction} ${here ? "sel" : ""} ${critical ? "critical" : ""}" role="listitem">
    <button type="button" class="name cut" aria-pressed=${here} onClick=${() => pick()} title=${line.step}>${line.direction === "undo" ? "undo " : ""}${line.step}<span class="hidden">: ${plural(tries, "attempt")}, ${outcome}${critical ? ", on the critical path" : ""}</span></button>
    <svg width=${width} height=${row} aria-hidden="true">
      ${ax.gaps.map((g) => html`<rect class="gap" x=${g.x * (width - spare)} y="0" width=${g.width * (width - spare)} height=${row} />`)}
      ${drawn.map((b, i) => html`<${Bar} key=${i} bar=${b} onSelect=${() => pick(b.attempt)} selected=${here && selected.attempt === b.attempt.number} />`)}
      ${outcome !== "open" && html`<g class="mark o-${outcome}" transform="translate(${Math.min(right, width - 16)} 8) scale(.75)"><path d=${shape(outcome)} /></g>`}
      ${tries > 1 && right < width - 60 && html`<text x=${right + 18} y="18" class="tries">×${tries}</text>`}</svg></div>`;
}

const colours = { work: "bar", open: "bar", queue: "soft" };

/** small draws all lines over a few dots: where there is much, and what nobody answered. */
const small = (list, ax) => (pen, width, height, colour) => {
  const step = height / list.length, thick = Math.max(1, step - 1);
  list.forEach((line, i) => {
    if (line.band) return;
    for (const b of bars(line, ax, width)) {
      pen.fillStyle = colour(b.kind === "silent" ? "--stuck" : b.kind === "backoff" ? "--line-strong" : `--${line.direction}-${colours[b.kind]}`);
      pen.fillRect(b.x, i * step, b.width, thick);
    }
  });
};

/** Waterfall draws nothing to measure before there is a line. */
export function Waterfall(props) {
  if (!props.trace.steps.some((s) => s.attempts.length)) return html`<p class="alone muted">No step was requested yet.</p>`;
  return html`<${Chart} ...${props} />`;
}

function Chart({ path, trace, until, collapse, selected, onSelect }) {
  const box = useRef(null);
  const [sight, setSight] = useState({ top: 0, height: 400, width: 600 });
  useLayoutEffect(() => {
    const b = box.current;
    const look = () => setSight({ top: b.scrollTop, height: b.clientHeight, width: b.clientWidth });
    const watch = new ResizeObserver(look);
    watch.observe(b);
    look();
    return () => watch.disconnect();
  }, []);
  const from = time(trace.started);
  const { list, ax } = useMemo(() => {
    const lines = bands(trace, until);
    const ends = [...lines.do, ...lines.undo].flatMap((l) => l.attempts.at(-1).segments.at(-1)?.[2] ?? 0);
    const to = Math.max(from, ...ends.length ? [ends.reduce((a, b) => Math.max(a, b), 0)] : [until]);
    return { list: flat(lines), ax: axis(busy(lines), from, to, collapse) };
  }, [trace, until, collapse, from]);
  const label = sight.width < 520 ? 108 : sight.width < 900 ? 150 : 190;
  const width = Math.max(120, sight.width - label - 26);
  const part = slice({ top: sight.top, height: sight.height, row, total: list.length });
  return html`<div class="waterfall" style=${{ "--label": label + "px" }}><${Overview} box=${box} paint=${small(list, ax)} of=${[list, ax]} />
    <div class="axis" aria-hidden="true"><span style=${{ width: label + 12 + "px" }}></span><svg width=${width} height="30">
      ${ticks(ax, width < 400 ? 3 : 7).map((t) => html`<g transform="translate(${Math.round(t.x * (width - spare))} 0)"><line y1="20" y2="30" /><text x="3" y="26">${length(t.at)}</text></g>`)}
      ${ax.gaps.map((g) => html`<g transform="translate(${(g.x + g.width / 2) * (width - spare)} 0)"><text class="cut-out" y="11" text-anchor="middle">${length(g.to - g.from)}</text><path class="cut-out" d="M-5 29l3-6 4 3 3-6" /></g>`)}</svg></div>
    <div class="lines scroll" ref=${box} tabindex="0" role="list" aria-label="Attempts by step, ${length(ax.to - ax.from)} in all" onScroll=${(e) => setSight((s) => ({ ...s, top: e.target.scrollTop }))}>
      <div style=${{ height: part.before + "px" }}></div>
      ${list.slice(part.from, part.to).map((line, i) => (line.band
        ? html`<div key=${line.band} class="band ${line.direction}" role="listitem">${line.band}</div>`
        : html`<${Line} key=${line.direction + line.step} line=${line} ax=${ax} width=${width} selected=${selected} onSelect=${onSelect} critical=${path.has(`${line.direction}:${line.step}`)} />`))}
      <div style=${{ height: part.after + "px" }}></div></div>
    <p class="legend small" aria-hidden="true">${Object.entries(kinds).map(([kind, text]) => html`<span><svg width="22" height="12"><rect class="bar-${kind}" width="22" y=${kind === "backoff" ? 5 : kind === "queue" ? 3 : 0} height=${kind === "backoff" ? 2 : kind === "queue" ? 6 : 12} rx="2" /></svg>${text}</span>`)}</p></div>`;
}
