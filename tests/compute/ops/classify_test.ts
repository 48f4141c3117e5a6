// The definition of `classify` against hand-worked numbers.

import { assertEquals } from "@std/assert";
import { classify } from "../../../lib/compute/ops/classify/reference.ts";

Deno.test("classify() looks at each sequence's first token only", () => {
  const x = Float64Array.of(1, 2, NaN, NaN, 3, 4); // sequences of 2 and 1 tokens
  const weight = Float64Array.of(1, 0, 0, 1, 10, -1);
  const y = classify(x, Uint32Array.of(0, 2, 3), weight, Float64Array.of(0.5, 0, -1));
  assertEquals(y, Float64Array.of(1.5, 2, 7, 3.5, 4, 25));
});
