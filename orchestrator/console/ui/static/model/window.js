// Which rows of a long list are drawn. Pure.

/**
 * slice returns the rows to draw: those in sight, and some on either side.
 * @param {{top: number, height: number, row: number, total: number, spare?: number}} at
 * @returns {{from: number, to: number, before: number, after: number}} rows, and the space for the others
 */
export function slice({ top, height, row, total, spare = 8 }) {
  const from = Math.max(0, Math.min(total, Math.floor(top / row)) - spare);
  const to = Math.min(total, Math.ceil((top + height) / row) + spare);
  return { from, to: Math.max(from, to), before: from * row, after: (total - Math.max(from, to)) * row };
}

/** reveal returns where to scroll so that row i is in sight, or top if it is. */
export function reveal({ top, height, row, i }) {
  if (i * row < top) return Math.max(0, i * row - row);
  if ((i + 1) * row > top + height) return (i + 2) * row - height;
  return top;
}
