// Tests of the pure modules. They run under 'node --test' where node is at hand,
// and in the browser's tests always.
import { diff } from "../static/model/diff.js";
import { filter } from "../static/model/filter.js";
import { append, extend, indexOf, points, rows } from "../static/model/history.js";
import { asOf, progress, segments } from "../static/model/trace.js";
import { axis, bands, bars, busy, ticks } from "../static/model/waterfall.js";
import { compare, criticalPath } from "../static/model/critical.js";
import { limits, nth } from "../static/model/policy.js";
import { traceLink } from "../static/saga/tracelink.js";
import { place, reveal, slice } from "../static/model/window.js";
import { command } from "../static/model/keys.js";
import { ago, bytes, count, length, time } from "../static/model/format.js";
import { audit as auditCommand, control, history, list, names, quote } from "../static/model/cli.js";
import { asked, body, parameters } from "../static/model/query.js";
import * as heat from "../static/model/heat.js";
import * as ticked from "../static/model/ticks.js";
import * as audit from "../static/model/audit.js";

const same = (got, want) => {
  const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
  if (a !== b) throw new Error(`got ${a}, want ${b}`);
};
const holds = (ok, what) => {
  if (!ok) throw new Error(what);
};

const stamp = (sequence, ms) => ({ sequence, time: new Date(ms).toISOString() });
const attempt = (direction, number, at, more = {}) => ({ direction, number, participant: "p", requested: stamp(at, at * 10), ...more });

// A saga that was refused at its second step, and undid the first.
const trace = {
  first: 1, last: 12, status: "compensated", started: new Date(0).toISOString(), controls: [{ sequence: 9, time: "", verb: "suspend", by: "ann" }],
  turned: { sequence: 8, time: "", step: "charge", reason: "no" },
  steps: [
    { name: "reserve", attempts: [
      attempt("do", 1, 2, { answered: stamp(3, 40), recorded: stamp(4, 45), outcome: "done", took_us: 5000, queue_us: 15000 }),
      attempt("undo", 1, 8, { answered: stamp(10, 100), recorded: stamp(11, 101), outcome: "undone", took_us: 1000 }),
    ] },
    { name: "charge", attempts: [
      attempt("do", 1, 4, { answered: stamp(5, 50), recorded: stamp(6, 51), outcome: "failed", reason: "later", took_us: 0, next_at: new Date(60).toISOString() }),
      attempt("do", 2, 6, { answered: stamp(7, 70), recorded: stamp(8, 71), outcome: "refused", reason: "no" }),
    ] },
  ],
};

export const tests = {
  "a difference is said at the deepest place where it is whole"() {
    same(diff({ a: 1, b: { c: [1, 2], d: 3 } }, { a: 1, b: { c: [1, 4, 5] }, e: null }), [
      { path: "b.c[1]", kind: "changed", from: 2, to: 4 }, { path: "b.c[2]", kind: "added", to: 5 }, { path: "b.d", kind: "removed", from: 3 }, { path: "e", kind: "added", to: null },
    ]);
    same(diff({ x: [] }, { x: {} }), [{ path: "x", kind: "changed", from: [], to: {} }]);
    same(diff(JSON.parse('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":{"a":2}, "odd key":1}')), [
      { path: "__proto__.a", kind: "changed", from: 1, to: 2 }, { path: '["odd key"]', kind: "added", to: 1 }]);
    same(diff({ a: { b: 1 } }, { a: { b: 1 } }), []);
  },
  "a history is rows: an event each, and a message each that came in"() {
    const list = rows([
      { sequence: 3, time: "2026-01-01T00:00:00.000Z", kind: "start", definition: "d", version: 1 },
      { sequence: 5, time: "2026-01-01T00:00:00.001Z", kind: "link", events: [{ type: "Started", data: {} }, { type: "ActionRequested", data: { step: "charge", number: 1, pivot: true } }] },
      { sequence: 8, time: "2026-01-01T00:00:00.002Z", kind: "reply", participant: "payment", step: "charge", direction: "do", attempt: 1, outcome: "refused", reason: "no" },
      { sequence: 9, time: "2026-01-01T00:00:00.003Z", kind: "link", events: [{ type: "SomethingNew", data: { step: "charge" } }, { type: "constructor", data: {} }] },
    ]);
    same(list.map((r) => [r.key, r.text, r.bad]), [
      ["3.0", "start of d@1", false], ["5.0", "started", false], ["5.1", "do charge/1 requested, the pivot", false],
      ["8.0", "payment answered do charge/1: refused: no", true], ["9.0", "SomethingNew", false], ["9.1", "constructor", false],
    ]);
    same(points(list), [3, 5, 8, 9]);
    same([2, 3, 6, 9, 99].map((s) => indexOf(points(list), s)), [0, 0, 1, 3, 3]);
    append(list, { sequence: 12, time: "", kind: "link", events: [{ type: "CompensationDone", data: { step: "x", number: 2, nothing: true } }] });
    same([list.at(-1).group, list.at(-1).direction, list.at(-1).text], ["undo", "undo", "undo x/2 had nothing to undo"]);
  },
  "news that the history has already are not taken twice"() {
    const message = (sequence) => ({ sequence, time: "", kind: "signal", name: "paid" });
    const list = rows([message(3), message(5)]);
    same(extend(list, [message(3), message(5), message(8), message(8), message(7)]).map((r) => r.seq), [3, 5, 8]);
    same(list.length, 2);
    holds(extend(list, [message(5)]) === list, "nothing new is the same list");
    same(extend([], [message(1)]).length, 1);
  },
  "a filter takes text, an expression, a kind, a step, failures"() {
    const list = rows([{ sequence: 1, time: "", kind: "link", events: [{ type: "ActionFailed", data: { step: "charge", number: 1, reason: "Gateway" } }, { type: "ActionDone", data: { step: "ship", number: 1 } }] }]);
    const found = (asking) => filter(list, asking).rows.map((r) => r.step);
    same(found({ text: "gateway" }), ["charge"]);
    same(found({ text: "/do (ship|x)/" }), ["ship"]);
    same(found({ failures: true }), ["charge"]);
    same(found({ step: "ship" }), ["ship"]);
    same(found({ kind: "undo" }), []);
    holds(filter(list, {}).rows === list, "nothing asked is everything");
    holds(filter(list, { text: "/(/" }).error && filter(list, { text: "/(/" }).rows.length === 2, "an expression that is none hides nothing");
  },
  "attempts are as of a point: later ones are gone, unanswered ones open"() {
    const at = (seq) => [...progress(asOf(trace, seq))].map(([key, p]) => `${key} ${p.phase} ${p.outcome}`);
    same(at(0), ["do:reserve closed done", "undo:reserve closed undone", "do:charge closed refused"]);
    same(at(3), ["do:reserve open open"]);
    same(at(6), ["do:reserve closed done", "do:charge open open"]);
    same(at(5), ["do:reserve closed done", "do:charge open open"]);
    same(at(8), ["do:reserve closed done", "undo:reserve open open", "do:charge closed refused"]);
    same([asOf(trace, 7).turned, asOf(trace, 8).turned.step, asOf(trace, 8).controls.length, asOf(trace, 9).controls.length], [undefined, "charge", 0, 1]);
    holds(asOf(trace, 3).steps[0].attempts[0].took_us === 5000 && asOf(trace, 2).steps[0].attempts[0].took_us === undefined, "work is known with the answer");
  },
  "queueing, work and back-off are told apart"() {
    const [first, second] = trace.steps[1].attempts;
    same(segments(trace.steps[0].attempts[0], 0), [["queue", 20, 35], ["work", 35, 40]]);
    same(segments(first, 999, second), [["queue", 40, 50], ["backoff", 51, 60]]);
    same(segments(attempt("do", 1, 2), 90), [["open", 20, 90]]);
    same(segments(attempt("do", 1, 2, { recorded: stamp(3, 50), outcome: "unknown" }), 90), [["silent", 20, 50]]);
  },
  "long idle gaps are cut from the axis, and the order of time stays"() {
    const spans = [[0, 10], [1000, 1010], [1012, 1020]];
    const ax = axis(spans, 0, 1020, true);
    same(ax.gaps.map((g) => [g.from, g.to]), [[10, 1000]]);
    holds(ax.place(0) === 0 && Math.abs(ax.place(1020) - 1) < 1e-9, "the ends are the ends");
    let last = -1;
    for (let t = 0; t <= 1020; t += 3) {
      holds(ax.place(t) >= last, `time runs backwards at ${t}`);
      last = ax.place(t);
    }
    holds(ax.place(10) > 0.3, "what is busy has the room");
    same(axis(spans, 0, 1020, false).gaps, []);
    holds(ticks(ax).every((t, i, all) => !i || t.x > all[i - 1].x), "ticks go up");
    same(axis([], 5, 5, true).gaps, []);
  },
  "lines are in bands, and never have more bars than pixels"() {
    const lines = bands(trace, 200);
    same([lines.do.map((l) => l.step), lines.undo.map((l) => l.step)], [["reserve", "charge"], ["reserve"]]);
    same(busy(lines).length > 0 && busy(lines).every(([a, b], i, all) => a <= b && (!i || a > all[i - 1][1])), true);
    const many = { steps: [{ name: "x", attempts: Array.from({ length: 3000 }, (_, i) => attempt("do", i + 1, i + 1, { answered: stamp(i + 1, i * 10 + 15), recorded: stamp(i + 1, i * 10 + 15), outcome: "failed" })) }] };
    const crowd = bands(many, 0), ax = axis(busy(crowd), 0, 30020, true);
    holds(bars(crowd.do[0], ax, 400).length <= 120, `${bars(crowd.do[0], ax, 400).length} bars`);
  },
  "the critical path is what ended last, and what that waited for"() {
    const node = (id) => ({ id, kind: id.split(":")[0], step: id.split(":")[1] });
    const graph = { nodes: ["do:reserve", "do:charge", "do:screen", "undo:reserve"].map(node), edges: [
      { kind: "forward", from: "start", to: "do:reserve" }, { kind: "forward", from: "do:reserve", to: "do:charge" }, { kind: "forward", from: "do:reserve", to: "do:screen" },
      { kind: "undone-by", from: "do:reserve", to: "undo:reserve" }, { kind: "back", from: "undo:charge", to: "undo:reserve" }] };
    same([...criticalPath(trace, graph)], ["undo:reserve", "do:charge", "do:reserve"]);
    same([...criticalPath({ ...trace, steps: [] }, graph)], []);
    const other = { ...trace, steps: [trace.steps[0], { name: "charge", attempts: [trace.steps[1].attempts[0]] }] };
    same([compare(graph, trace, trace).first, compare(graph, trace, other).first], [undefined, { id: "do:charge", step: "charge", direction: "do", a: "failed, refused", b: "failed", same: false }]);
  },
  "an attempt is one of how many the definition gives it"() {
    const most = limits({ steps: [{ name: "charge", retry: { attempts: 3 }, compensation: { retry: { attempts: 20 } } }, { name: "vet", retry: { attempts: 1 } }] });
    same([...most], [["do:charge", 3], ["undo:charge", 20], ["do:vet", 1]]);
    same([nth(3, 3), nth(4, 3), nth(2, undefined)], ["3 of 3", "4", "2"]);
    same([...limits(undefined)], []);
  },
  "a trace leads to another tool by an address that is one"() {
    const id = "4bf92f3577b34da6a3ce929d0e0e4736", parent = `00-${id}-00f067aa0ba902b7-01`;
    same(traceLink(parent, "http://localhost:16686/trace/{trace}?at={trace}"), { id, to: `http://localhost:16686/trace/${id}?at=${id}` });
    same([traceLink(parent, "javascript:alert('{trace}')").to, traceLink(parent, "").to, traceLink("x\"onclick=1", "https://t/{trace}").to], ["", "", ""]);
  },
  "a window has the rows in sight and the room of the others"() {
    same(slice({ top: 300, height: 100, row: 10, total: 1000, spare: 2 }), { from: 28, to: 42, before: 280, after: 9580 });
    same(slice({ top: 0, height: 100, row: 10, total: 3 }), { from: 0, to: 3, before: 0, after: 0 });
    same(slice({ top: 9999, height: 100, row: 10, total: 0 }), { from: 0, to: 0, before: 0, after: 0 });
    same([reveal({ top: 100, height: 50, row: 10, i: 12 }), reveal({ top: 100, height: 50, row: 10, i: 2 }), reveal({ top: 0, height: 50, row: 10, i: 30 })], [100, 10, 270]);
  },
  "a window counts what is open in place"() {
    const with2 = { row: 10, tall: 100, open: [1, 30], spare: 0 };
    same([place(0, with2), place(1, with2), place(2, with2), place(31, with2)], [0, 10, 120, 510]);
    same(slice({ top: 115, height: 20, total: 100, ...with2 }), { from: 1, to: 4, before: 10, after: 1060 }); // in the part beneath row 1
    same(slice({ top: 120, height: 20, total: 100, ...with2 }), { from: 2, to: 4, before: 120, after: 1060 });
    same(reveal({ top: 0, height: 50, i: 2, ...with2 }), 90);
  },
  "a key is ours unless somebody types, or shortcuts are off"() {
    const free = { typing: false, off: false, dialog: false };
    same([command({ key: "j" }, free), command({ key: "y" }, free), command({ key: "x" }, free), command({ key: "j", ctrlKey: true }, free), command({ key: "j" }, { ...free, typing: true }), command({ key: "j" }, { ...free, off: true }), command({ key: "Escape" }, { ...free, typing: true }), command({ key: "Escape" }, { ...free, dialog: true })],
      ["j", "", "x", "", "", "", "Escape", ""]);
  },
  "lengths, sizes and counts are written for people"() {
    same([0, 0.012, 3.25, 45, 999.7, 1500, 61000, 3600000 * 3 + 120000, 86400000 * 4, -5, undefined].map(length),
      ["0 ms", "12 µs", "3.3 ms", "45 ms", "1 s", "1.5 s", "1 min 1 s", "3 h 2 min", "4 d", "−5 ms", "–"]);
    same([bytes(12), bytes(2048), count(1234567), ago(1000, 61000), ago(62000, 1000)], ["12 B", "2 KiB", "1\u2009234\u2009567", "1 min ago", "in 1 min 1 s"]);
    holds(Math.abs(time("2026-01-01T00:00:00.123456Z") - Date.UTC(2026, 0, 1) - 123.456) < 1e-3, "microseconds are kept");
    same([time(""), time("0001-01-01T00:00:00Z")], [0, 0]);
  },
  "commands are quoted for a shell"() {
    same(quote("it's $HOME"), `'it'\\''s $HOME'`);
    same(control({ id: "o-1", action: "resolve", step: "ship", direction: "do", as: "done", output: '{"a":1}', reason: "seen", who: "ann" }),
      `amends resolve o-1 --step ship --as done --output '{"a":1}' --yes --why seen --by ann`);
    same(control({ id: "o-1", action: "cancel", reason: "x; rm -rf /" }), "amends cancel o-1 --why 'x; rm -rf /'");
    same([control({ id: "-f", action: "cancel", reason: "x" }), history("-f", 7), history("o-1", 7)],
      ["amends cancel --why x -- -f", "amends history --from 7 --payloads -- -f", "amends history o-1 --from 7 --payloads"]);
    same(list({ statuses: ["stuck", "running"], definition: "d", version: 2, tag: "a=b c", parked: true }, "-o", "name"), "amends list --definition d@2 --status stuck --status running --tag 'a=b c' --parked -o name");
  },
  "rows are ticked one by one, or all that are shown"() {
    same([ticked.tick([], "a"), ticked.tick(["a", "b"], "a"), ticked.tick(["a"], "b")], [["a"], ["b"], ["a", "b"]]);
    same([ticked.tickAll(["z"], ["a", "b"]), ticked.tickAll(["z", "a"], ["a", "b"]), ticked.tickAll(["a", "z", "b"], ["a", "b"]), ticked.tickAll(["z"], [])], [["z", "a", "b"], ["z", "a", "b"], ["z"], ["z"]]);
    const many = Array.from({ length: ticked.most }, (_, i) => `o-${i}`);
    same([ticked.tick(many, "more").length, ticked.tickAll(many, ["more"]).length, ticked.tick(many, "o-1").length], [500, 500, 499]);
    same([ticked.say(["a", "b"]), ticked.say(["a", "b", "c"], 3, 2), ticked.say(["a", "b"], 9)], ["a, b", "a, b and 1 more", "a, b and 7 more"]);
    same(names(["a", "b"]), "printf '%s\\n' a b");
  },
  "a count is many, or too many, from a threshold on"() {
    const stuck = heat.defaults.stuck;
    same([0, 1, 9, 10, 11].map((n) => heat.level(n, stuck)), [0, 2, 2, 3, 3]);
    same([heat.level(0, {}), heat.level(1e9, {}), heat.level(5, { many: 5, too: 5 }), heat.level(5, { too: 6 }), heat.level(6, { too: 6 })], [0, 1, 3, 1, 3]);
    same([heat.parse(" 5 ", ""), heat.parse("", "7")], [{ many: 5 }, { too: 7 }]);
    same([["1", "10"], ["5", "5"], ["", ""], ["9", ""], ["", "9"]].map(([a, b]) => heat.problem(heat.parse(a, b))), ["", "", "", "", ""]);
    for (const [a, b] of [["10", "1"], ["0", "5"], ["1.5", "5"], ["-1", ""], ["many", "5"], ["1e30", ""]]) holds(heat.problem(heat.parse(a, b)), `${a}, ${b} is no threshold`);
    same(heat.restore(undefined), heat.defaults);
    for (const bad of ["{", "null", "7", '"x"', '{"stuck":7}', '{"stuck":{"many":"1"}}', '{"stuck":{"many":9,"too":1}}']) same(heat.restore(bad), heat.defaults);
    const kept = { ...heat.defaults, stuck: { many: 3 }, completed: { too: 9 } };
    same(heat.restore(JSON.stringify(kept)), kept);
    same([heat.legend(heat.defaults, "too"), heat.legend(kept, "many"), heat.legend({ ...kept, running: {}, compensating: {}, stuck: {} }, "many")],
      ["10 stuck, 100 compensating, 10\u2009000 running", "3 stuck, 10 compensating, 1\u2009000 running", "never"]);
  },
  "a filter goes from the address to the API and to bulk actions"() {
    const f = asked(new URLSearchParams("status=stuck,running&since=1h&version=2&definition=d&nonsense=1&retrying=true"));
    same(parameters(f, 3600e3), { definition: "d", version: "2", retrying: "true", from: "1970-01-01T00:00:00.000Z", status: ["stuck", "running"] });
    same(body(f, 3600e3), { definition: "d", version: 2, retrying: true, from: "1970-01-01T00:00:00.000Z", statuses: ["stuck", "running"] });
    same(parameters(asked(new URLSearchParams("since=soon")), 0), {});
    const night = asked(new URLSearchParams("from=2026-01-31T02:00&to=2026-01-31T03:30Z&since=1h"));
    same(parameters(night, 0), { from: new Date(2026, 0, 31, 2).toISOString(), to: "2026-01-31T03:30:00.000Z" });
    same(parameters(asked(new URLSearchParams("from=yesterday")), 0), {});
  },
  "an audit's filter goes from the address to the API, to words and to a command"() {
    const f = audit.asked(new URLSearchParams("who=o'neil&action=cancel&from=2026-02-27&until=2026-02-28&nonsense=1&cursor=x"));
    const day = (text) => new Date(text + "T00:00").toISOString();
    same(audit.parameters(f, 0), { action: "cancel", who: "o'neil", from: day("2026-02-27"), to: day("2026-03-01") });
    same(audit.parameters({ since: "1h", saga: "o-1" }, 3600e3), { saga: "o-1", from: "1970-01-01T00:00:00.000Z" });
    same(audit.parameters({ until: "soon", from: "2026-99-99" }, 0), { from: "2026-99-99", to: "soon" }); // the server says what is wrong
    same([audit.after("2026-12-31"), audit.after("2028-02-28"), audit.after(undefined)], ["2027-01-01", "2028-02-29", undefined]);
    same(audit.say(f).map(([, words]) => words), ["by o'neil", "action cancel", "from 2026-02-27", "until 2026-02-28"]);
    same(auditCommand(f), `amends audit --by 'o'\\''neil' --action cancel --since 2026-02-27 --until 2026-02-28`);
    same([{ obeyed: true }, { obeyed: false, too_late: true }, { obeyed: false, refused: "no" }].map((a) => audit.outcome(a)[2]), ["obeyed", "too late", "refused"]);
  },
};

// Under node the same tests are node's.
if (typeof process !== "undefined" && process.versions?.node) {
  const { test } = await import("node:test");
  for (const [name, run] of Object.entries(tests)) test(name, run);
}
