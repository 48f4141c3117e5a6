/**
 * Pairing rows with columns at the least total cost.
 *
 * @module
 */

/**
 * Assigns a column of its own to every row so that the costs add up to the least. Of several best
 * assignments the same one is always given.
 *
 * @param costs Rows of finite costs, none longer than another, at least as many columns as rows.
 * @returns The column of each row.
 * @see H. Kuhn, "The Hungarian method for the assignment problem", 1955; in the form of shortest
 * augmenting paths by R. Jonker and A. Volgenant, 1987
 */
export function assign(costs: readonly (readonly number[])[]): number[] {
  const columns = costs[0]?.length ?? 0;
  const rowPrices = costs.map(() => 0);
  const columnPrices = new Array<number>(columns).fill(0);
  // The row that holds each column; the free row that looks for one stands in the last place.
  const holders = new Array<number>(columns + 1).fill(-1);
  for (const row of costs.keys()) {
    holders[columns] = row;
    const path = shortestPath(costs, holders, { rowPrices, columnPrices });
    for (let column = path.end; column !== columns;) {
      const previous = path.previous[column]!;
      holders[column] = holders[previous]!;
      column = previous;
    }
  }
  const assigned = costs.map(() => -1);
  for (let column = 0; column < columns; column++) {
    const row = holders[column]!;
    if (row >= 0) assigned[row] = column;
  }
  return assigned;
}

/** What rows and columns pay: no cost is below the sum of its two prices. */
interface Prices {
  readonly rowPrices: number[];
  readonly columnPrices: number[];
}

/** Finds the cheapest way from the free row to a free column, and raises prices along it. */
function shortestPath(
  costs: readonly (readonly number[])[],
  holders: readonly number[],
  { rowPrices, columnPrices }: Prices,
): { readonly end: number; readonly previous: readonly number[] } {
  const columns = columnPrices.length;
  const slack = new Array<number>(columns).fill(Infinity);
  const previous = new Array<number>(columns).fill(columns);
  const visited = new Array<boolean>(columns + 1).fill(false);
  let current = columns;
  while (holders[current]! >= 0) {
    visited[current] = true;
    const row = holders[current]!;
    let nearest = -1;
    for (let column = 0; column < columns; column++) {
      if (visited[column]) continue;
      const reduced = costs[row]![column]! - rowPrices[row]! - columnPrices[column]!;
      if (reduced < slack[column]!) [slack[column], previous[column]] = [reduced, current];
      if (nearest < 0 || slack[column]! < slack[nearest]!) nearest = column;
    }
    const step = slack[nearest]!;
    for (let column = 0; column <= columns; column++) {
      if (visited[column]) {
        rowPrices[holders[column]!]! += step;
        if (column < columns) columnPrices[column]! -= step;
      } else slack[column]! -= step;
    }
    current = nearest;
  }
  return { end: current, previous };
}
