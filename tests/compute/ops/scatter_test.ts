// The definition of `scatter`.

import { assertEquals } from "@std/assert";
import { scatter } from "../../../lib/compute/ops/scatter/reference.ts";
import { select } from "../../../lib/compute/ops/select/reference.ts";

Deno.test("scatter() puts rows among zeros", () => {
  const y = scatter(Float64Array.of(1, 2, 5, 6), Uint32Array.of(1, 2), 4, 2);
  assertEquals(y, Float64Array.of(0, 0, 1, 2, 5, 6, 0, 0));
});

Deno.test("select() takes back what scatter() put", () => {
  const [x, selected] = [Float64Array.of(1, 2, 3, 4, 5, 6), Uint32Array.of(0, 4, 5)];
  assertEquals(select(scatter(x, selected, 7, 2), selected, 2), x);
});
