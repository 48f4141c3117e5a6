/**
 * Numbers as reports show them.
 *
 * @module
 */

/** A metric, or a difference of two, in points: hundredths, as papers give them. */
export function points(value: number): string {
  // A rounded negative zero is a zero.
  return (Math.round(1e4 * value) / 100 + 0).toFixed(2);
}

/** Points with their sign, a true minus. */
export function signedPoints(value: number): string {
  const text = points(value);
  if (text.startsWith("-")) return `\u2212${text.slice(1)}`;
  return Number(text) === 0 ? text : `+${text}`;
}

/** Both ends of an interval, in points. */
export function pointsInterval([low, high]: readonly [low: number, high: number]): string {
  return `${points(low)} to ${points(high)}`.replaceAll("-", "\u2212");
}

/** A share of one in percent, with as many digits as small shares need. */
export function percent(share: number): string {
  const value = 100 * share;
  if (value === 0 || value === 100) return `${value} %`;
  const text = value >= 10 ? value.toFixed(1) : Number(value.toPrecision(2)).toString();
  // 99.98 % is not all of it.
  return value < 100 && Number(text) >= 100 ? "> 99.9 %" : `${text} %`;
}

/** A p value; small ones to two digits. */
export function probability(p: number): string {
  return p >= 0.01 ? p.toFixed(2) : p >= 0.001 ? p.toPrecision(2) : p.toExponential(1);
}

/** A relative error: three decimals, or a power of ten where that would be none. */
export function errorText(value: number): string {
  return value === 0 || value >= 0.001 ? value.toFixed(3) : value.toExponential(1);
}

/** A cosine or another number of [-1, 1], to two decimals. */
export function unit(value: number): string {
  return (Math.round(100 * value) / 100 + 0).toFixed(2).replace("-", "\u2212");
}

/** Any number, to three significant digits. */
export function significant(value: number): string {
  return value.toPrecision(3).replace(/^-/, "\u2212");
}

/** A count with thousands separated. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** A count with what is counted, in the plural where it is one. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
