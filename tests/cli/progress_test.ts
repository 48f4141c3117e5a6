import { assertEquals } from "@std/assert";
import { clockedProgress } from "./_progress.ts";

Deno.test("Progress writes a line every ten seconds where there is no terminal", () => {
  const { lines, progress, at } = clockedProgress(false);
  for (let second = 0; second <= 25; second++) {
    at(second * 1000);
    progress.update(second, 50, "Checking", "rows");
  }
  assertEquals(lines, [
    "Checking: 10 of 50 rows, 1.0 rows/s, 40 s left",
    "Checking: 20 of 50 rows, 1.0 rows/s, 30 s left",
  ]);
});

Deno.test("Progress rewrites one line on a terminal and clears it at the end", () => {
  const { lines, progress, at } = clockedProgress(true);
  progress.update(0, 4e6, "Writing", "bytes");
  at(1000);
  progress.update(2e6, 4e6, "Writing", "bytes");
  progress.end();
  assertEquals(lines, [
    "status Writing: 2.0 MB of 4.0 MB, 2.0 MB/s, 1.0 s left",
    "status ",
  ]);
});

Deno.test("Progress is silent on --quiet", () => {
  const { lines, progress, at } = clockedProgress(false, true);
  progress.update(0, 2, "Checking", "rows");
  at(60_000);
  progress.update(1, 2, "Checking", "rows");
  progress.end();
  assertEquals(lines, []);
});
