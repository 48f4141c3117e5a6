/**
 * Reading the tensors of adapters to f64, and writing them with one rounding.
 *
 * @module
 */

import { readTensor, type TensorEntry } from "../checkpoint/open.ts";
import type { TensorStep } from "../checkpoint/plan.ts";
import { TinygraftError } from "../errors.ts";
import { decodeFloats64, encodeFloats } from "../tensor/decode.ts";
import { type FloatDtype, isFloatDtype } from "../tensor/dtype.ts";
import { quote } from "../tensor/quote.ts";

/** A dtype that an adapter's tensors may have. */
export type AdapterDtype = Exclude<FloatDtype, "F64">;

/** The dtypes that an adapter's tensors may have. */
export const ADAPTER_DTYPES: readonly AdapterDtype[] = ["F32", "F16", "BF16"];

/**
 * Reads a tensor to f64.
 *
 * @param entry The tensor; its checkpoint is open.
 * @param action What the reading is for, as messages begin: `Cannot import "a.bin"`.
 * @returns Its elements, row-major, in a new array.
 * @throws {TinygraftError} with code `unsupported-dtype` where it holds no floating-point numbers,
 * `non-finite` where it holds NaN or infinity.
 */
export async function readValues(entry: TensorEntry, action: string): Promise<Float64Array> {
  const { name, dtype, file } = entry;
  const details = { path: file.path, tensor: name };
  if (!isFloatDtype(dtype)) {
    throw new TinygraftError(
      `${action}: tensor ${quote(name)} has dtype ${dtype}, expected F64, F32, F16 or BF16: ` +
        "convert it first",
      { code: "unsupported-dtype", ...details },
    );
  }
  const values = decodeFloats64(await readTensor(entry), dtype);
  const stray = values.findIndex((value) => !Number.isFinite(value));
  if (stray < 0) return values;
  throw new TinygraftError(
    `${action}: tensor ${quote(name)} holds ${
      values[stray]
    } at element ${stray}, expected finite ` +
      "numbers: save the adapter again",
    { code: "non-finite", ...details },
  );
}

/**
 * Chooses the dtype that keeps the values of tensors: theirs if they have one in common, else F32.
 *
 * @param entries The tensors.
 * @returns A dtype that adapters may have.
 */
export function commonDtype(entries: Iterable<Pick<TensorEntry, "dtype">>): AdapterDtype {
  const [dtype, ...others] = new Set([...entries].map((entry) => entry.dtype));
  const common = ADAPTER_DTYPES.find((each) => each === dtype);
  return others.length > 0 || common === undefined ? "F32" : common;
}

/** What a computed tensor is to be. */
export interface ValueStep {
  /** Its name in the output. */
  readonly name: string;
  /** Its shape, in elements. */
  readonly shape: readonly number[];
  /** Its values, f64, row-major. */
  readonly values: Float64Array;
  /** The dtype to store them in. */
  readonly dtype: AdapterDtype;
}

/**
 * Plans a computed tensor, rounding each value once.
 *
 * @param step The tensor; its values are not kept.
 * @param action What the writing is for, as messages begin.
 * @param origin What plans say of it.
 * @returns The step of a plan.
 * @throws {TinygraftError} with code `value-out-of-range` where a value leaves the dtype's range.
 */
export function valueStep(
  { name, shape, values, dtype }: ValueStep,
  action: string,
  origin: string,
): TensorStep {
  const bytes = encodeFloats(values, dtype);
  const stray = decodeFloats64(bytes, dtype).findIndex((value) => !Number.isFinite(value));
  if (stray >= 0) {
    throw new TinygraftError(
      `${action}: element ${stray} of ${quote(name)} would be ${
        values[stray]
      }, expected a number ` +
        `in the range of ${dtype}: choose F32`,
      { code: "value-out-of-range", tensor: name },
    );
  }
  return { kind: "data", name, shape, dtype, data: () => Promise.resolve(bytes), origin };
}
