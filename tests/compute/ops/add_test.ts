// The definition of `add`.

import { assertEquals } from "@std/assert";
import { add } from "../../../lib/compute/ops/add/reference.ts";

Deno.test("add() adds number by number and leaves its inputs alone", () => {
  const x = Float64Array.of(1, 2, -3);
  assertEquals(add(x, Float64Array.of(10, 0.5, 3)), Float64Array.of(11, 2.5, 0));
  assertEquals(add(x, x), Float64Array.of(2, 4, -6));
  assertEquals(x, Float64Array.of(1, 2, -3));
});
