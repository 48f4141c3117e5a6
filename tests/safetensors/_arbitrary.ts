// Random tensors for property tests.

import fc from "fast-check";
import { type Dtype, DTYPES } from "../../lib/tensor/dtype.ts";
import { tensorByteLength } from "../../lib/tensor/shape.ts";
import type { TensorWithData } from "./_files.ts";

const AWKWARD = ["", "0", "10", "__proto__", "constructor", '"', "\\", "\n", "\0", "\x7f", "\u2028"]
  .concat([
    "\ue000",
    "\uffff",
    "\u{10000}",
    "\u{1f600}",
    "é",
    "e\u0301",
    "a.b",
    "a/b",
    "__metadata",
  ]);

/** A well-formed string that may be a tensor's name: controls, quotes, astral characters. */
export const name: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...AWKWARD),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.tuple(fc.constantFrom(...AWKWARD), fc.nat(20)).map(([text, i]) => `${text}.${i}`),
).filter((text) => text !== "__metadata__");

/** A tensor of a random dtype and shape, rank 0 and empty ones included, with random bytes. */
const tensor: fc.Arbitrary<TensorWithData> = fc.record({
  name,
  dtype: fc.constantFrom(...Object.keys(DTYPES) as Dtype[]),
  shape: fc.array(fc.nat(4), { maxLength: 3 }),
}).map((spec) =>
  // Four elements of four or six bits are whole bytes.
  DTYPES[spec.dtype].bits < 8 ? { ...spec, shape: [...spec.shape, 4] } : spec
).chain((spec) => {
  const length = tensorByteLength(spec.dtype, spec.shape);
  return fc.uint8Array({ minLength: length, maxLength: length }).map((data) => ({ ...spec, data }));
});

/** Some tensors with unique names. */
export const tensors: fc.Arbitrary<TensorWithData[]> = fc.uniqueArray(tensor, {
  maxLength: 8,
  selector: (spec) => spec.name,
});

/** A string map of `maxKeys` keys at most. */
export function metadata(maxKeys: number): fc.Arbitrary<Map<string, string>> {
  return fc.array(fc.tuple(name, name), { maxLength: maxKeys }).map((pairs) => new Map(pairs));
}
