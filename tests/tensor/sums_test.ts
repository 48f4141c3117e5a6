import { assertEquals } from "@std/assert";
import { dotOf, squaresAbout, sumOf } from "../../lib/tensor/sums.ts";

// Small integers add up exactly in any order.
const upTo = (length: number) => Float64Array.from({ length }, (_, i) => i + 1);

Deno.test("sumOf(), dotOf() and squaresAbout() take every element at every length", () => {
  for (let length = 0; length <= 13; length++) {
    const values = upTo(length);
    const list = [...values];
    assertEquals(sumOf(values), list.reduce((sum, x) => sum + x, 0));
    assertEquals(
      dotOf(values, values.map((x) => x - 3)),
      list.reduce((s, x) => s + x * (x - 3), 0),
    );
    assertEquals(squaresAbout(values, 5), list.reduce((s, x) => s + (x - 5) * (x - 5), 0));
  }
});

Deno.test("sumOf() and dotOf() show a number that is not finite, wherever it stands", () => {
  for (let at = 0; at < 9; at++) {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const values = upTo(9);
      values[at] = bad;
      assertEquals(sumOf(values), bad);
      assertEquals(Number.isFinite(dotOf(values, values)), false);
    }
  }
});
