import { assertEquals } from "@std/assert";
import type { Head } from "../../lib/merge/heads.ts";
import { headRanks } from "../../lib/merge/ranks.ts";

/** A head of width 2 on 3 dimensions, by its factors row by row. */
function head(query: number[], key: number[], value: number[], output: number[]): Head {
  const f64 = (values: number[]) => Float64Array.from(values);
  return {
    attention: { rows: 2, left: f64(query), right: f64(key) },
    value: { rows: 2, left: f64(value), right: f64(output) },
  };
}

const QUERY = [1, 0, 2, 0, 0, 1, 0, -1];
const WIDE = [1, 0, 0, 0, 2, 1];
/** The second row is twice the first. */
const THIN = [1, 2, 3, 2, 4, 6];
const ZERO = [0, 0, 0, 0, 0, 0];

Deno.test("headRanks() tells full heads from thin, blind and idle ones", () => {
  const ranks = headRanks([
    head(QUERY, WIDE, WIDE, WIDE),
    head(QUERY, THIN, WIDE, THIN),
    head(QUERY, ZERO, WIDE, WIDE),
    head(QUERY, WIDE, ZERO, WIDE),
    head(QUERY, WIDE, WIDE, ZERO),
  ]);
  assertEquals(ranks.map(({ attention, value }) => [attention, value]), [
    [2, 2],
    [1, 1],
    [0, 2],
    [2, 0],
    [2, 0],
  ]);
});

Deno.test("headRanks() takes what rounding leaves of a dependent row or of zero for none", () => {
  const rounded = THIN.map((entry, i) => i === 5 ? entry + 1e-8 : entry);
  const dust = WIDE.map((entry) => 1e-17 * entry);
  const ranks = headRanks([head(QUERY, rounded, WIDE, WIDE), head(QUERY, WIDE, dust, WIDE)]);
  assertEquals(ranks.map(({ attention, value }) => [attention, value]), [[1, 2], [2, 0]]);
});

Deno.test("headRanks() gives zeros where no head does anything", () => {
  const idle = head(QUERY.map(() => 0), ZERO, ZERO, ZERO);
  assertEquals(headRanks([idle, idle]), [
    { attention: 0, value: 0 },
    { attention: 0, value: 0 },
  ]);
});
