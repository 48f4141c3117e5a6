import { assertEquals, assertThrows } from "@std/assert";
import { unroll } from "../../../lib/compute/ops/template.ts";

Deno.test("unroll() repeats neighbouring lines with the same mark together", () => {
  const code = "begin\n  a$i;\n  b$i;\nmiddle\n  c$i;";
  assertEquals(unroll(code, { i: 2 }), "begin\n  a0;\n  b0;\n  a1;\n  b1;\nmiddle\n  c0;\n  c1;");
});

Deno.test("unroll() nests marks, the first outermost", () => {
  const code = "w$j;\ns$i_$j += x$i * w$j;";
  const want = "w0;\ns0_0 += x0 * w0;\ns1_0 += x1 * w0;\nw1;\ns0_1 += x0 * w1;\ns1_1 += x1 * w1;";
  assertEquals(unroll(code, { j: 2, i: 2 }), want);
});

Deno.test("unroll() refuses marks without a count and counts without a mark", () => {
  assertThrows(() => unroll("a$i b$k", { i: 1 }), RangeError, "$k");
  assertThrows(() => unroll("a$i", { i: 1, j: 1 }), RangeError, "$j");
});
