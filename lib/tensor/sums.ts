/**
 * Sums over arrays in f64, in four lanes that are added up at the end: several times as fast as
 * one, since no addition waits for the one before it, and a little more accurate.
 *
 * @module
 */

/**
 * Adds numbers up.
 *
 * @param values The numbers; left unchanged.
 * @returns Their sum; NaN or infinite where one of them is.
 */
export function sumOf(values: Float64Array): number {
  const whole = values.length - (values.length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    a += values[i]!;
    b += values[i + 1]!;
    c += values[i + 2]!;
    d += values[i + 3]!;
  }
  for (let i = whole; i < values.length; i++) a += values[i]!;
  return (a + b) + (c + d);
}

/**
 * Adds up the products of two arrays, element by element.
 *
 * @param x The first factors; left unchanged.
 * @param y The second, as many; may be the same array.
 * @returns The scalar product; NaN or infinite where a factor is.
 */
export function dotOf(x: Float64Array, y: Float64Array): number {
  const whole = x.length - (x.length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    a += x[i]! * y[i]!;
    b += x[i + 1]! * y[i + 1]!;
    c += x[i + 2]! * y[i + 2]!;
    d += x[i + 3]! * y[i + 3]!;
  }
  for (let i = whole; i < x.length; i++) a += x[i]! * y[i]!;
  return (a + b) + (c + d);
}

/**
 * Adds up squared distances from a centre.
 *
 * @param values The numbers; left unchanged.
 * @param centre The centre, such as their mean.
 * @returns The sum of squares.
 */
export function squaresAbout(values: Float64Array, centre: number): number {
  const whole = values.length - (values.length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    a += (values[i]! - centre) ** 2;
    b += (values[i + 1]! - centre) ** 2;
    c += (values[i + 2]! - centre) ** 2;
    d += (values[i + 3]! - centre) ** 2;
  }
  for (let i = whole; i < values.length; i++) a += (values[i]! - centre) ** 2;
  return (a + b) + (c + d);
}
