// How times, lengths and counts are written. Pure.

/** length writes milliseconds as people say them: 850 µs, 12 ms, 3.4 s, 2 min 5 s, 3 h 2 min, 4 d 1 h. */
export function length(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 0) return "−" + length(-ms);
  if (ms < 1) return ms === 0 ? "0 ms" : `${Math.max(1, Math.round(ms * 1000))} µs`;
  if (ms < 999.5) return `${ms < 10 ? trim(ms.toFixed(1)) : Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 59.95) return `${trim(s.toFixed(s < 10 ? 2 : 1))} s`;
  const whole = Math.round(s);
  if (whole < 3600) return two(whole, 60, "min", "s");
  if (whole < 86400) return two(Math.round(whole / 60), 60, "h", "min");
  return two(Math.round(whole / 3600), 24, "d", "h");
}

const trim = (text) => text.replace(/\.?0+$/, "");

function two(n, unit, big, small) {
  const rest = n % unit;
  return `${Math.floor(n / unit)} ${big}` + (rest ? ` ${rest} ${small}` : "");
}

/** count writes a whole number with its thousands told apart. */
export function count(n) {
  return n === null || n === undefined ? "–" : String(Math.round(n)).replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009");
}

/** bytes writes a size. */
export function bytes(n) {
  if (n < 1024) return `${n} B`;
  if (n < 1024 * 1024) return `${trim((n / 1024).toFixed(1))} KiB`;
  return `${trim((n / 1024 / 1024).toFixed(1))} MiB`;
}

const pad = (n, width = 2) => String(n).padStart(width, "0");

/** clock writes the time of day, to the millisecond. */
export function clock(ms) {
  const d = new Date(ms);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}.${pad(d.getMilliseconds(), 3)}`;
}

/** moment writes day and time, without the day where that is today. */
export function moment(ms, now = Date.now()) {
  if (!ms) return "–";
  const d = new Date(ms), today = new Date(now);
  const time = `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
  if (d.toDateString() === today.toDateString()) return time;
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${time}`;
}

/** ago writes how long something is past, or still to come. */
export function ago(ms, now = Date.now()) {
  if (!ms) return "–";
  const coarse = (d) => (d < 1000 ? "a moment" : length(Math.round(d / 1000) * 1000));
  return ms > now ? "in " + coarse(ms - now) : coarse(now - ms) + " ago";
}

/** time reads an API's time as milliseconds, microseconds in the fraction; 0 for none. */
export function time(text) {
  if (!text || text.startsWith("0001-")) return 0;
  const ms = Date.parse(text);
  const fraction = /\.\d{3}(\d{1,6})/.exec(text);
  return fraction ? ms + Number("0." + fraction[1]) : ms;
}

/** json writes a value, or the text that is none, for people. */
export function json(value) {
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}

/** plural counts things. */
export function plural(n, one, many = one + "s") {
  return `${count(n)} ${n === 1 ? one : many}`;
}
