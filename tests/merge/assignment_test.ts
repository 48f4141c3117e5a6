import { assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { assign } from "../../lib/merge/assignment.ts";
import { noise } from "../_noise.ts";

const costOf = (costs: readonly (readonly number[])[], columns: readonly number[]) =>
  columns.reduce((sum, column, row) => sum + costs[row]![column]!, 0);

/** The least cost of all assignments, one after the other. */
function leastCost(costs: readonly (readonly number[])[], taken: readonly number[] = []): number {
  const row = costs[taken.length];
  if (row === undefined) return 0;
  const free = row.flatMap((cost, column) => taken.includes(column) ? [] : [[cost, column]]);
  return Math.min(...free.map(([cost, column]) => cost! + leastCost(costs, [...taken, column!])));
}

Deno.test("assign() finds the assignment worked by hand", () => {
  assertEquals(assign([[4, 1, 3], [2, 0, 5], [3, 2, 2]]), [1, 0, 2]);
  assertEquals(assign([[1, 5, 0.5]]), [2]);
  assertEquals(assign([]), []);
});

Deno.test("assign() gives the first of equal assignments", () => {
  assertEquals(assign([[0, 0, 0], [0, 0, 0]]), [0, 1]);
});

Deno.test("assign() costs no more than any other assignment", () => {
  const sizes = fc.record({
    rows: fc.integer({ min: 1, max: 5 }),
    more: fc.integer({ min: 0, max: 2 }),
    seed: fc.integer({ min: 0, max: 10_000 }),
  });
  fc.assert(
    fc.property(sizes, ({ rows, more, seed }) => {
      const columns = rows + more;
      const values = noise(rows * columns, { seed });
      const costs = Array.from(
        { length: rows },
        (_, row) => Array.from(values.subarray(row * columns, (row + 1) * columns)),
      );
      const found = assign(costs);
      assertEquals(new Set(found).size, rows);
      assertAlmostEquals(costOf(costs, found), leastCost(costs), 1e-6);
    }),
    { seed: 24, numRuns: 300 },
  );
});
