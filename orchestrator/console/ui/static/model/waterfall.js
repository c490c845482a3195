// The waterfall: which bars stand where on an axis from which idle time is cut. Pure.
import { segments } from "./trace.js";
import { time } from "./format.js";

/**
 * bands sorts the attempts into the way forward and the way back, a line for
 * each step.
 * @param {import("./trace.js").Trace} trace @param {number} until where open attempts end for now
 */
export function bands(trace, until) {
  const lines = { do: [], undo: [] };
  for (const step of trace.steps) {
    for (const direction of ["do", "undo"]) {
      const attempts = step.attempts.filter((a) => a.direction === direction);
      if (!attempts.length) continue;
      lines[direction].push({
        step: step.name, direction, from: time(attempts[0].requested.time),
        attempts: attempts.map((a, i) => ({ attempt: a, segments: segments(a, until, attempts[i + 1]) })),
      });
    }
  }
  for (const direction of ["do", "undo"]) lines[direction].sort((a, b) => a.from - b.from);
  return lines;
}

/** busy merges all that is no waiting into spans that do not overlap. */
export function busy(lines) {
  const spans = [];
  for (const line of [...lines.do, ...lines.undo]) {
    for (const { segments: parts } of line.attempts) {
      for (const [kind, from, to] of parts) if (kind !== "backoff") spans.push([from, to]);
    }
  }
  spans.sort((a, b) => a[0] - b[0]);
  const merged = [];
  for (const [from, to] of spans) {
    const last = merged[merged.length - 1];
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/**
 * axis maps time to 0…1. Idle time that is long beside the busy time is cut to
 * a narrow strip, which says how long it was.
 * @param {[number, number][]} spans busy ones @param {number} from @param {number} to
 * @param {boolean} collapse
 */
export function axis(spans, from, to, collapse) {
  const total = Math.max(to - from, 0.001);
  const gaps = [];
  if (collapse) {
    const work = spans.reduce((sum, [a, b]) => sum + b - a, 0);
    const worth = Math.max(1, work * 0.6);
    let at = from;
    for (const [a, b] of [...spans, [to, to]]) {
      if (a - at > worth) gaps.push([at, a]);
      at = Math.max(at, b);
    }
  }
  const cut = gaps.reduce((sum, [a, b]) => sum + b - a, 0);
  const strip = gaps.length ? Math.min(0.07, 0.4 / gaps.length) : 0;
  const rest = Math.max(total - cut, 0.001), scale = (1 - strip * gaps.length) / rest;
  const pieces = [];
  let at = from, x = 0;
  for (const [a, b] of gaps) {
    pieces.push({ from: at, to: a, x, width: (a - at) * scale, gap: false });
    x += (a - at) * scale;
    pieces.push({ from: a, to: b, x, width: strip, gap: true });
    x += strip;
    at = b;
  }
  pieces.push({ from: at, to, x, width: 1 - x, gap: false });
  return { from, to, pieces, gaps: pieces.filter((p) => p.gap), place: (t) => place(pieces, t) };
}

function place(pieces, t) {
  let low = 0, high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (pieces[middle].from <= t) low = middle;
    else high = middle - 1;
  }
  const p = pieces[low], length = p.to - p.from;
  const part = length > 0 ? (t - p.from) / length : 0;
  return p.x + p.width * Math.min(1, Math.max(0, part));
}

/** ticks are round times along the axis, where there is room for them. */
export function ticks(ax, most = 7) {
  const shown = ax.pieces.filter((p) => !p.gap).reduce((sum, p) => sum + p.to - p.from, 0);
  const step = round(shown / most);
  const list = [];
  let last = -1;
  for (const p of ax.pieces) {
    if (p.gap) continue;
    for (let t = Math.ceil((p.from - ax.from) / step - 1e-9) * step; t <= p.to - ax.from + 1e-9; t += step) {
      const x = place(ax.pieces, ax.from + t);
      if (x - last < 0.07 || x > 0.94 || ax.gaps.some((g) => x > g.x - 0.06 && x < g.x + g.width)) continue;
      last = x;
      list.push({ x, at: t });
    }
  }
  return list;
}

function round(raw) {
  const power = 10 ** Math.floor(Math.log10(Math.max(raw, 1e-6)));
  return [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw) ?? 10 * power;
}

const rank = ["backoff", "queue", "silent", "work", "open"]; // what a bar of several is drawn as: the last of them

/**
 * bars are the bars of one line, in pixels. What is too narrow to be told apart
 * becomes one bar with its neighbours, so that a line with a thousand attempts
 * is drawn as fast as one with ten.
 */
export function bars(line, ax, width) {
  const list = [];
  const least = line.attempts.length > 40 ? width / 60 : 2.5;
  let last = null;
  for (const { attempt, segments: parts } of line.attempts) {
    for (const [kind, from, to] of parts) {
      const x = ax.place(from) * width, w = Math.max(1.5, ax.place(to) * width - x);
      if (last && w < least && x <= last.x + last.width + 2 && x + w - last.x < 8 * least) {
        last.width = Math.max(last.width, x + w - last.x);
        last.count += last.attempt === attempt ? 0 : 1;
        if (rank.indexOf(kind) > rank.indexOf(last.kind)) last.kind = kind;
        last.to = to;
        last.attempt = attempt;
        continue;
      }
      last = { kind, x, width: w, from, to, attempt, count: 1 };
      list.push(last);
    }
  }
  return list;
}
