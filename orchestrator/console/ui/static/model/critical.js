// What made a saga take as long as it did, and where two of them part. Pure.
import { time } from "./format.js";
import { progress } from "./trace.js";

/** end is when the last attempt of a direction of a step was closed. */
const end = (at) => time(at.last.recorded?.time ?? at.last.answered?.time ?? at.last.requested.time);

/**
 * criticalPath walks from what ended last back to the start, each time to the
 * predecessor that ended last: without them all it would have been over sooner.
 * @returns {Set<string>} nodes of the graph
 */
export function criticalPath(trace, graph) {
  const at = progress(trace), path = new Set();
  const latest = (ids) => ids.filter((id) => at.has(id) && !path.has(id)).sort((a, b) => end(at.get(b)) - end(at.get(a)))[0];
  let here = latest([...at.keys()]);
  while (here) {
    path.add(here);
    const before = graph.edges.filter((e) => e.to === here && e.kind !== "undone-by").map((e) => e.from);
    let next = latest(before);
    // The first compensation follows the step at which the saga turned back.
    if (!next && here.startsWith("undo:")) next = latest(trace.turned?.step ? [`do:${trace.turned.step}`] : [...at.keys()].filter((id) => id.startsWith("do:")));
    here = next;
  }
  return path;
}

const outcomes = (at) => (at ? at.attempts.map((a) => a.outcome ?? "open").join(", ") : "");

/**
 * compare says of each node of a graph what became of it in two sagas.
 * @typedef {{id: string, step: string, direction: string, a: string, b: string, same: boolean}} Both
 * @returns {{rows: Both[], first: Both|undefined}}
 *   first is where they part: the first difference in the order of the plan
 */
export function compare(graph, a, b) {
  const pa = progress(a), pb = progress(b);
  const rows = graph.nodes.filter((n) => n.step).map((n) => {
    const [x, y] = [outcomes(pa.get(n.id)), outcomes(pb.get(n.id))];
    return { id: n.id, step: n.step, direction: n.kind, a: x, b: y, same: x === y };
  });
  return { rows, first: rows.find((r) => !r.same) };
}
