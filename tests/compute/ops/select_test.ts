// The definition of `select` against hand-worked numbers.

import { assertEquals } from "@std/assert";
import { select } from "../../../lib/compute/ops/select/reference.ts";

Deno.test("select() takes one row of each sequence", () => {
  const x = Float64Array.of(1, 2, NaN, NaN, 3, 4, 5, 6);
  assertEquals(select(x, Uint32Array.of(0, 3), 2), Float64Array.of(1, 2, 5, 6));
});
