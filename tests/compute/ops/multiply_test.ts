// The definition of `multiply`.

import { assertEquals } from "@std/assert";
import { multiply } from "../../../lib/compute/ops/multiply/reference.ts";

Deno.test("multiply() multiplies number by number and leaves its inputs alone", () => {
  const x = Float64Array.of(1, 2, -3);
  assertEquals(multiply(x, Float64Array.of(10, 0.5, 3)), Float64Array.of(10, 1, -9));
  assertEquals(multiply(x, x), Float64Array.of(1, 4, 9));
  assertEquals(x, Float64Array.of(1, 2, -3));
});
