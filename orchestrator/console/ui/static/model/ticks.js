// Which rows are ticked. Pure.

/** How many can be ticked: as many as a bulk action takes by name. */
export const most = 500;

/**
 * tick puts a saga among those that are ticked, or takes it out.
 * @param {string[]} ids @param {string} id
 */
export const tick = (ids, id) => (ids.includes(id) ? ids.filter((x) => x !== id) : [...ids, id].slice(0, most));

/**
 * tickAll ticks all that are shown, or none of them; those on other pages stay as they are.
 * @param {string[]} ids @param {string[]} shown
 */
export function tickAll(ids, shown) {
  const others = ids.filter((id) => !shown.includes(id));
  return all(ids, shown) ? others : [...others, ...shown].slice(0, most);
}

/** all says whether everything that is shown is ticked. */
export const all = (ids, shown) => shown.length > 0 && shown.every((id) => ids.includes(id));

/** say names a few of many. @param {string[]} ids @param {number} [total] how many there are, if ids is cut */
export function say(ids, total = ids.length, few = 4) {
  const named = ids.slice(0, few);
  return named.join(", ") + (total > named.length ? ` and ${total - named.length} more` : "");
}
