// Which rows of a long list are drawn. Pure. Every row is as high as the others;
// those that are open are followed by a part of one height, too.

/** place returns where row i begins. */
export const place = (i, { row, open = [], tall = 0 }) => i * row + tall * open.filter((k) => k < i).length;

/** under returns the row at a height; the part beneath an open one belongs to it. */
function under(y, { row, open, tall }) {
  let parts = 0; // of open rows above
  for (const i of open) {
    if (y < (i + 1) * row + parts + tall) return Math.min(i, Math.floor((y - parts) / row));
    parts += tall;
  }
  return Math.floor((y - parts) / row);
}

/**
 * slice returns the rows to draw: those in sight, and some on either side.
 * @param {{top: number, height: number, row: number, total: number, spare?: number, open?: number[], tall?: number}} at open rows, ascending, and how high the part of each is
 * @returns {{from: number, to: number, before: number, after: number}} rows, and the space for the others
 */
export function slice({ top, height, row, total, spare = 8, open = [], tall = 0 }) {
  const looks = { row, open, tall };
  const from = Math.max(0, Math.min(total, under(top, looks)) - spare);
  const to = Math.max(from, Math.min(total, under(top + height - 1, looks) + 1 + spare));
  return { from, to, before: place(from, looks), after: place(total, looks) - place(to, looks) };
}

/** reveal returns where to scroll so that row i is in sight, or top if it is. */
export function reveal({ top, height, row, i, open = [], tall = 0 }) {
  const y = place(i, { row, open, tall });
  if (y < top) return Math.max(0, y - row);
  if (y + row > top + height) return y + 2 * row - height;
  return top;
}
