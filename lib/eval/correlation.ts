/**
 * Pearson's and Spearman's correlation, also of rows that count more than once.
 *
 * @module
 */

/**
 * Pearson's correlation of two equally long lists of finite numbers.
 *
 * @param x f64 [rows]; not kept.
 * @param y f64 [rows]; not kept.
 * @param counts How often each row counts, u32 [rows]; once each when absent.
 * @returns The correlation in [-1, 1]. Where a list is constant it is undefined (0 / 0): 0 then,
 * as such outputs tell nothing about the targets.
 */
export function pearson(x: Float64Array, y: Float64Array, counts?: Uint32Array): number {
  const meanX = mean(x, counts);
  const meanY = mean(y, counts);
  let sumXX = 0;
  let sumXY = 0;
  let sumYY = 0;
  for (let row = 0; row < x.length; row++) {
    const count = counts ? counts[row]! : 1;
    const dx = x[row]! - meanX;
    const dy = y[row]! - meanY;
    sumXX += count * dx * dx;
    sumXY += count * dx * dy;
    sumYY += count * dy * dy;
  }
  const norms = Math.sqrt(sumXX) * Math.sqrt(sumYY);
  return norms === 0 ? 0 : Math.max(-1, Math.min(1, sumXY / norms));
}

/**
 * The mean of the rows that count. It is taken from the first of them on: the mean of equal
 * numbers is then exactly that number, where a rounded sum would leave noise that looks like
 * variance.
 */
function mean(values: Float64Array, counts: Uint32Array | undefined): number {
  const first = values[counts ? counts.findIndex((count) => count > 0) : 0] ?? 0;
  let sum = 0;
  let total = 0;
  for (let row = 0; row < values.length; row++) {
    const count = counts ? counts[row]! : 1;
    sum += count * (values[row]! - first);
    total += count;
  }
  return first + sum / total;
}

/**
 * Spearman's correlation: Pearson's over ranks, equal numbers sharing their average rank.
 *
 * @param x f64 [rows]; not kept.
 * @param y f64 [rows]; not kept.
 * @returns The correlation in [-1, 1]; 0 where a list is constant.
 */
export function spearman(x: Float64Array, y: Float64Array): number {
  return pearson(averageRanks(x, ascending(x)), averageRanks(y, ascending(y)));
}

/**
 * Sorts row numbers by value.
 *
 * @param values Finite numbers, f64 [rows]; not kept.
 * @returns A new array of row numbers, the row of the smallest value first, u32 [rows].
 */
export function ascending(values: Float64Array): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(values, (_, row) => row).sort((i, j) => values[i]! - values[j]!);
}

/**
 * Ranks finite numbers from 0, equal numbers at the average of their places.
 *
 * @param values f64 [rows]; not kept.
 * @param order The rows by value, as {@linkcode ascending} gives them; not kept.
 * @param counts How often each row counts, u32 [rows]; once each when absent.
 * @returns A new array, f64 [rows].
 */
export function averageRanks(
  values: Float64Array,
  order: Uint32Array,
  counts?: Uint32Array,
): Float64Array<ArrayBuffer> {
  const ranks = new Float64Array(values.length);
  let before = 0;
  let begin = 0;
  while (begin < order.length) {
    let end = begin;
    let equal = 0;
    for (; end < order.length && values[order[end]!] === values[order[begin]!]; end++) {
      equal += counts ? counts[order[end]!]! : 1;
    }
    const rank = before + (equal - 1) / 2;
    for (let place = begin; place < end; place++) ranks[order[place]!] = rank;
    before += equal;
    begin = end;
  }
  return ranks;
}
