// The structural difference of two JSON values. Pure.

/**
 * diff lists what changed from a to b, in the order of b's keys, at the deepest
 * place where the change is whole.
 * @returns {{path: string, kind: "added"|"removed"|"changed", from?: any, to?: any}[]}
 */
export function diff(a, b) {
  const found = [];
  walk(a, b, "", found);
  return found;
}

const isObject = (v) => v !== null && typeof v === "object";

function walk(a, b, path, found) {
  if (Object.is(a, b)) return;
  if (!isObject(a) || !isObject(b) || Array.isArray(a) !== Array.isArray(b)) {
    if (a === undefined) found.push({ path, kind: "added", to: b });
    else if (b === undefined) found.push({ path, kind: "removed", from: a });
    else found.push({ path, kind: "changed", from: a, to: b });
    return;
  }
  const keys = [...Object.keys(b), ...Object.keys(a).filter((key) => !Object.hasOwn(b, key))];
  for (const key of keys) {
    walk(own(a, key), own(b, key), join(path, key, Array.isArray(b)), found);
  }
}

// A key that an attacker calls __proto__ is looked up like any other.
const own = (o, key) => (Object.hasOwn(o, key) ? o[key] : undefined);

function join(path, key, inArray) {
  if (inArray) return `${path}[${key}]`;
  if (/^[A-Za-z_][\w-]*$/.test(key)) return path ? `${path}.${key}` : key;
  return `${path}[${JSON.stringify(key)}]`;
}
