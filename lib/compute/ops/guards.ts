/**
 * Shape guards that the operations share. They run before anything is recorded, so that a wrong
 * call fails where it is made and not at the next read.
 *
 * @module
 */

import type { RowsFollow, Value, Weight } from "../value.ts";

/**
 * Refuses a matrix that has another number of columns than an operation needs.
 *
 * @param op The operation's name.
 * @param matrix The value or weight to look at.
 * @param cols The columns that it must have, in elements.
 * @throws {TypeError} When it has another number.
 */
export function expectCols(op: string, matrix: Value | Weight, cols: number): void {
  if (matrix.cols === cols) return;
  throw new TypeError(
    `Cannot run ${op}: "${matrix.label}" has ${matrix.cols} columns, expected ${cols}`,
  );
}

/**
 * Refuses a weight of another shape than an operation needs.
 *
 * @param op The operation's name.
 * @param weight The weight to look at.
 * @param rows The rows that it must have, in elements; 1 for a vector.
 * @param cols The columns that it must have, in elements.
 * @throws {TypeError} When it has another shape.
 */
export function expectShape(op: string, weight: Weight, rows: number, cols: number): void {
  if (weight.rows === rows && weight.cols === cols) return;
  throw new TypeError(
    `Cannot run ${op}: weight "${weight.label}" has shape [${weight.rows}, ${weight.cols}], ` +
      `expected [${rows}, ${cols}]`,
  );
}

/**
 * Refuses a value whose rows follow something else than an operation needs.
 *
 * @param op The operation's name.
 * @param value The value to look at.
 * @param allowed What its rows may follow.
 * @throws {TypeError} When they follow something else.
 */
export function expectRows(op: string, value: Value, ...allowed: readonly RowsFollow[]): void {
  if (allowed.includes(value.rowsFollow)) return;
  throw new TypeError(
    `Cannot run ${op}: the rows of "${value.label}" follow the ${value.rowsFollow}, ` +
      `expected the ${allowed.join(" or the ")}`,
  );
}

/**
 * Refuses a value whose columns or rows are not those of another.
 *
 * @param op The operation's name.
 * @param like The value that gives the shape.
 * @param values The values to look at, but for those that an operation does not have.
 * @throws {TypeError} When one differs.
 */
export function expectAlike(
  op: string,
  like: Value,
  ...values: readonly (Value | undefined)[]
): void {
  for (const value of values) {
    if (value === undefined) continue;
    expectCols(op, value, like.cols);
    expectRows(op, value, like.rowsFollow);
  }
}

/**
 * Refuses an output that is one of the inputs: a kernel reads its inputs while it writes.
 *
 * @param op The operation's name.
 * @param outputs Every value that the operation writes.
 * @param inputs Every value that the operation reads.
 * @throws {TypeError} When a value stands on both sides, or twice among the outputs.
 */
export function expectDistinct(
  op: string,
  outputs: readonly Value[],
  inputs: readonly (Value | undefined)[],
): void {
  const shared = outputs.find((output, i) =>
    inputs.includes(output) || outputs.indexOf(output) !== i
  );
  if (shared === undefined) return;
  throw new TypeError(
    `Cannot run ${op}: "${shared.label}" is written and read by the same operation: ` +
      `give the output a value of its own`,
  );
}

/**
 * Refuses a number that is not a positive, finite one, such as an epsilon or a count.
 *
 * @param op The operation's name.
 * @param what What the number is.
 * @param number The number.
 * @param whole Whether it must be an integer.
 * @throws {RangeError} When it is not.
 */
export function expectPositive(op: string, what: string, number: number, whole: boolean): void {
  if (number > 0 && (whole ? Number.isSafeInteger(number) : Number.isFinite(number))) return;
  throw new RangeError(
    `Cannot run ${op}: ${what} is ${number}, expected a positive ${whole ? "integer" : "number"}`,
  );
}
