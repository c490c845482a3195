// The picture of a saga: the definition's plan, and over it what happened.
import { html, render, useEffect, useLayoutEffect, useRef, useState } from "../lib.js";
import { path as shape } from "../parts/icons.js";
import { Overview } from "../parts/overview.js";
import { nodeKey } from "../model/trace.js";

/**
 * @typedef {object} Node
 * @property {string} id
 * @property {string} kind do, undo, start, completed, compensated
 * @property {string} [step] none of an end
 * @property {string} [participant]
 * @property {string} [action]
 * @property {string} [badge]
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} Plan what the API says of a definition's picture
 * @property {string} name
 * @property {number} version
 * @property {number} width
 * @property {number} height
 * @property {Node[]} nodes
 * @property {{kind: string, from: string, to: string, points: [number, number][]}[]} edges
 * @property {{direction: string, y: number, height: number}[]} lanes
 *
 * @typedef {{progress: Map<string, import("../model/trace.js").Progress>, status: string, differs: Set<string>}} Second
 *   differs has the nodes of which something else became there
 *
 * @typedef {object} Picture
 * @property {Plan} graph
 * @property {Map<string, import("../model/trace.js").Progress>} [progress]
 * @property {string} [status]
 * @property {{step?: string, reason: string}} [turned]
 * @property {(to: {step?: string, direction?: string}) => void} [onSelect]
 */

/** How many nodes are drawn whether they are in sight or not. */
const few = 80;
const ends = { start: "start", completed: "completed", compensated: "compensated" };

/** line draws an edge through its points, softly. */
export function line(points) {
  const [first, ...rest] = points;
  let d = `M${first[0]} ${first[1]}`, [x, y] = first;
  for (const [nx, ny] of rest) {
    const middle = (nx - x) / 2;
    d += Math.abs(ny - y) < 1 || Math.abs(nx - x) < 1 ? `L${nx} ${ny}` : `C${x + middle} ${y} ${nx - middle} ${ny} ${nx} ${ny}`;
    [x, y] = [nx, ny];
  }
  return d;
}

// Lines between lanes go at right angles, so that they are not taken for the way.
const angular = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join("");

/** taken says which edges of the plan were gone along. */
export function taken(edge, progress, status) {
  if (edge.kind === "undone-by") return progress.has(edge.to);
  if (edge.to === "completed" || edge.to === "compensated") return status === edge.to;
  return progress.has(edge.to) && (edge.from === "start" || progress.has(edge.from));
}

const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);

const outcomeOf = (at) => (at ? (at.phase === "closed" ? at.outcome : at.phase) : "idle");

function StepNode({ node, at, turned, selected, onSelect, plan, second }) {
  const outcome = outcomeOf(at);
  const tries = second ? 0 : at?.attempts.length ?? 0; // of two sagas the list beneath has them
  const what = node.kind === "undo" ? `undo ${node.step}` : node.step;
  const room = 21 - (tries > 1 ? 4 : 0) - (second ? 5 : 0);
  const name = cut(what, room), by = cut(`${node.participant}.${node.action}`, 29), times = tries > 1 ? `×${tries}` : "";
  // What is seen comes first in what is heard, word for word.
  const label = `${[name, by, times, node.badge].filter(Boolean).join(" ")}, ${what}: ${words[outcome] ?? outcome}${tries > 1 ? `, ${tries} attempts` : ""}${turned ? `, turned back here: ${turned.reason}` : ""}${second ? `; in the other: ${words[outcomeOf(second.at)] ?? outcomeOf(second.at)}` : ""}`;
  const press = (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onSelect();
    }
  };
  return html`<g class="node k-${node.kind} o-${outcome} ${selected ? "sel" : ""} ${second?.differs ? "differs" : ""}" transform="translate(${node.x} ${node.y})" role="button" tabindex="0"
    aria-pressed=${selected} aria-label=${label} data-node=${node.id} onClick=${onSelect} onKeyDown=${press}>
    <rect class="box" width=${node.width} height=${node.height} rx="8" />
    <rect class="edge" x="0.5" y="8" width="4" height=${node.height - 16} rx="2" />
    ${!plan && html`<g class="mark" transform="translate(14 11)"><path d=${shape(outcome)} /></g>`}
    ${second && html`<g class="mark other o-${outcomeOf(second.at)}" transform="translate(${node.width - 28} 11)"><path d=${shape(outcomeOf(second.at))} /></g>`}
    <text class="name" x=${plan ? 14 : 36} y="24">${name}</text>${" "}
    <text class="by" x="14" y="44">${by}</text>${" "}
    ${times && html`<text class="tries" x=${node.width - 10} y="24" text-anchor="end">${times}</text>`}${" "}
    ${node.badge && html`<g transform="translate(${node.width - badgeWidth(node.badge) - 10} ${node.height - 9})"><rect class="badge b-${node.badge === "pivot" ? "pivot" : "other"}" width=${badgeWidth(node.badge)} height="16" rx="8" />
      <text class="badge-text b-${node.badge === "pivot" ? "pivot" : "other"}" x=${badgeWidth(node.badge) / 2} y="11.5" text-anchor="middle">${node.badge}</text></g>`}
    ${turned && html`<g class="turned" transform="translate(${node.width - 4} -4)"><circle r="11" /><path transform="translate(-8 -8)" d=${shape("compensating")} /></g>`}</g>`;
}

const badgeWidth = (text) => Math.round(text.length * 5.3 + 12);
const words = { idle: "not requested", open: "in flight", waiting: "waits to try again", halted: "waits for a person" };

function EndNode({ node, reached }) {
  const r = node.width / 2;
  return html`<g class="end k-${node.kind} ${reached ? "reached" : ""}" transform="translate(${node.x + r} ${node.y + r})" role="img" aria-label="${ends[node.kind]}${reached ? ", reached" : ""}">
    <title>${node.kind}</title><circle r=${r - 2} /><g class="mark" transform="scale(.72) translate(-8 -8)"><path d=${shape(node.kind === "start" ? "running" : node.kind)} /></g>
    <text class="by" y=${r + 13} text-anchor="middle">${node.kind}</text></g>`;
}

/**
 * Drawing is the picture itself.
 * @param {Picture & {chosen?: string, scale?: number, second?: Second, near?: (from: number, to: number) => boolean}} props
 *   chosen is a node's id; second is another saga over the same plan; near says which part of the width is drawn
 */
function Drawing({ graph, progress = new Map(), status = "", turned, chosen = "", onSelect = () => {}, scale = 1, second, near = () => true }) {
  const went = (e) => {
    const [a, b] = [taken(e, progress, status), second && taken(e, second.progress, second.status)];
    return a || b ? `taken ${second && !(a && b) ? "alone" : ""}` : "";
  };
  const plan = !status && !progress.size; // nothing has happened: no marks
  return html`<svg width=${Math.round(graph.width * scale)} height=${Math.round(graph.height * scale)} viewBox="0 0 ${graph.width} ${graph.height}" role="group" aria-label="Plan of ${graph.name}@${graph.version}">
    <defs>${["do", "undo"].map((d) => html`<marker id="tip-${d}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip ${d}" d="M0 0 8 4 0 8z" /></marker>`)}</defs>
    ${graph.lanes.map((lane) => html`<g class="lane ${lane.direction}"><rect x="0" y=${lane.y} width=${graph.width} height=${lane.height} rx="10" />
      <text x="14" y=${lane.y + 19}>${lane.direction === "do" ? "forward →" : "← compensation"}</text></g>`)}
    ${graph.edges.filter((e) => near(Math.min(...e.points.map((p) => p[0])), Math.max(...e.points.map((p) => p[0])))).map((e) => html`<path key=${e.from + e.to} class="way ${e.kind} ${went(e)}" d=${e.kind === "undone-by" ? angular(e.points) : line(e.points)}
      marker-end=${e.kind === "undone-by" ? undefined : `url(#tip-${e.kind === "back" ? "undo" : "do"})`} />`)}
    ${graph.nodes.filter((n) => near(n.x, n.x + n.width)).map((n) => (n.step
      ? html`<${StepNode} key=${n.id} node=${n} at=${progress.get(n.id)} turned=${n.kind === "do" && turned?.step === n.step ? turned : undefined} selected=${n.id === chosen} plan=${plan} second=${second && { at: second.progress.get(n.id), differs: second.differs.has(n.id) }}
          onSelect=${() => onSelect(n.id === chosen ? {} : { step: n.step, direction: n.kind })} />`
      : html`<${EndNode} key=${n.id} node=${n} reached=${n.kind === "start" ? progress.size > 0 : status === n.kind || second?.status === n.kind} />`))}</svg>`;
}

const plain = (status, progress) => (status || progress?.size ? "" : "plain");

/**
 * whole hands on the picture of all of a graph, drawn aside at its own size,
 * whatever of it is in sight and however large.
 * @template T
 * @param {Picture} props
 * @param {(svg: SVGSVGElement) => T} use
 */
export function whole(props, use) {
  const aside = document.createElement("div");
  aside.className = `graph aside ${plain(props.status, props.progress)}`;
  document.body.append(aside);
  try {
    render(html`<${Drawing} ...${props} />`, aside);
    return use(aside.querySelector("svg"));
  } finally {
    render(null, aside);
    aside.remove();
  }
}

const tokens = { done: "--completed", undone: "--compensated", "nothing-to-undo": "--compensated", open: "--do", waiting: "--undo" };

/** small draws all nodes as boxes over a few dots. */
const small = (graph, progress) => (pen, width, height, colour) => {
  const x = width / graph.width, y = height / graph.height;
  for (const n of graph.nodes) {
    const at = progress.get(n.id);
    pen.fillStyle = colour(!at ? "--line-strong" : tokens[at.phase === "closed" ? at.outcome : at.phase] ?? "--stuck");
    pen.fillRect(n.x * x, n.y * y, Math.max(1, n.width * x - 1), Math.max(2, n.height * y));
  }
};

/**
 * Graph draws a definition's graph and, where there is one, a saga's progress.
 * @param {Picture & {selected?: {step: string, direction: string}, second?: Second, zoom?: number, least?: number}} props least is the scale below which it scrolls instead
 */
export function Graph({ graph, progress = new Map(), status = "", turned, selected, onSelect = () => {}, second, zoom = 0, least = 0.5 }) {
  const box = useRef(null);
  const [sight, setSight] = useState({ left: 0, width: 1200 });
  useLayoutEffect(() => {
    const look = () => box.current && setSight({ left: box.current.scrollLeft, width: box.current.clientWidth });
    const watch = new ResizeObserver(look);
    watch.observe(box.current);
    look();
    return () => watch.disconnect();
  }, []);
  // A picture that nearly fits is made to fit; a large one keeps its size and scrolls.
  const fit = Math.min(1.15, (sight.width - 26) / graph.width);
  const scale = zoom || (fit < least ? 0.8 : fit);
  const many = graph.nodes.length > few;
  const from = sight.left / scale - 400, to = (sight.left + sight.width) / scale + 400;
  const near = (a, b) => !many || b > from && a < to;
  const key = selected?.step ? nodeKey(selected.step, selected.direction) : "";
  useEffect(() => {
    const node = graph.nodes.find((n) => n.id === key);
    if (!node) return;
    const left = node.x * scale, b = box.current;
    if (left < b.scrollLeft || left + node.width * scale > b.scrollLeft + b.clientWidth) b.scrollLeft = left - b.clientWidth / 2 + node.width / 2;
  }, [key, scale]);
  return html`<${Overview} box=${box} paint=${small(graph, progress)} of=${[graph, progress, scale]} /><div class="graph scroll ${plain(status, progress)}" ref=${box} tabindex="0" role="region" aria-label="Graph, scrolls sideways" onScroll=${() => many && setSight({ left: box.current.scrollLeft, width: box.current.clientWidth })}>
    <${Drawing} graph=${graph} progress=${progress} status=${status} turned=${turned} chosen=${key} onSelect=${onSelect} scale=${scale} second=${second} near=${near} /></div>`;
}
