import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { DataError, UsageError } from "../../lib/errors.ts";
import { combineChecks } from "../../lib/eval/check.ts";
import type { CheckRun } from "../../lib/eval/check_record.ts";
import { combineRuns } from "../../lib/eval/combine.ts";
import { recordOf, shardOf, textOf, wholeRun } from "./_runs.ts";

const named = (runs: readonly CheckRun[]) =>
  runs.map((run, i) => ({ path: `${i + 1}.jsonl`, run }));
const shards = (run: CheckRun, count: number) =>
  Array.from({ length: count }, (_, i) => shardOf(run, i + 1, count));

Deno.test("combineRuns() of any number of shards in any order is the run of all rows", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.nat(9), fc.nat(99), (rows, more, turn) => {
      const run = wholeRun(rows);
      const parts = shards(run, 1 + more % rows);
      const turned = [...parts.slice(turn % parts.length), ...parts.slice(0, turn % parts.length)];
      assertEquals(combineRuns(named(turned)), run);
    }),
    { seed: 3, numRuns: 40 },
  );
});

Deno.test("combineRuns() names missing rows with their shards, and rows that stand twice", () => {
  const parts = named(shards(wholeRun(23), 7));
  const missing = (kept: typeof parts, found: string) => {
    const error = assertThrows(() => combineRuns(kept), DataError, found);
    assertEquals(error.code, "missing-rows");
  };
  missing(
    parts.filter((_, i) => i !== 1),
    "Cannot combine 6 files: 4 of 23 rows are missing, rows 1, 8, 15, … of shard 2/7",
  );
  missing(parts.slice(0, 6).slice(1), "rows 0, 7, 14, … of shard 1/7; rows 6, 13, 20 of shard 7/7");
  missing(parts.slice(0, 1), "one file: 19 of 23 rows are missing");
  const cut = { ...parts[4]!.run, indices: parts[4]!.run.indices.slice(0, -1) };
  missing(
    parts.with(4, { path: "5.jsonl", run: cut }),
    "1 of 23 rows are missing, row 18 of shard 5/7",
  );

  const error = assertThrows(() => combineRuns([...parts, parts[2]!]), DataError);
  assertEquals([error.code, error.path], ["duplicate-rows", "3.jsonl"]);
  const many = named(shards(wholeRun(40), 20)).slice(0, 5);
  assertThrows(() => combineRuns(many), DataError, "; and rows of 9 more shards");
});

Deno.test("combineRuns() refuses shards of another check and says what differs", () => {
  const [first, second] = shards(wholeRun(8), 2) as [CheckRun, CheckRun];
  const { inputs, settings } = recordOf();
  const cases: [Partial<CheckRun["record"]>, string][] = [
    [{ inputs: { ...inputs, data: "e" } }, 'its data file is "e", expected "d"'],
    [{ inputs: { ...inputs, base: "c" } }, "its base is"],
    [{ inputs: { ...inputs, before: "y" } }, "its adapter before is"],
    [{ inputs: { ...inputs, after: "z" } }, "its adapter after is"],
    [{ inputs: { ...inputs, settings: "t" } }, "its configs of base, tokenizer and adapters is"],
    [{ settings: { ...settings, maxLength: 64 } }, "its task and options is"],
    [{ rows: 9 }, "its number of rows is 9, expected 8"],
    [{ shard: { index: 2, count: 3 } }, "its number of shards is 3, expected 2"],
    [{ tinygraft: "0.0.9" }, 'its version of tinygraft is "0.0.9"'],
    [{ outputs: { type: "classification", labels: ["a", "c", "b"] } }, "its labels is"],
  ];
  for (const [change, found] of cases) {
    const other = { ...second, record: { ...second.record, ...change } };
    const error = assertThrows(() => combineRuns(named([first, other])), DataError, found);
    assertEquals([error.code, error.path], ["shard-mismatch", "2.jsonl"]);
  }
});

Deno.test("combineChecks() judges by another task's metrics where one is given", async () => {
  const files = shards(wholeRun(12), 3).map((run, i) => ({
    path: `${i}.jsonl`,
    text: textOf(run),
  }));
  const result = await combineChecks(files, { maxDrop: 1, task: "MRPC" });
  assertEquals(Object.keys(result.before), ["accuracy", "f1"]);
  assertEquals([result.settings.task, result.examples, result.tokens], ["mrpc", 12, 24]);
  const error = await combineChecks(files, { maxDrop: 1, task: "stsb" }).catch((e: unknown) => e);
  assertEquals(error instanceof UsageError, true);
});

Deno.test("combineChecks() says where shards ran on different devices", async () => {
  const [first, second] = shards(wholeRun(8), 2) as [CheckRun, CheckRun];
  const record = { ...second.record, device: "webgpu", deviceDescription: "card" };
  const files = [first, { ...second, record }]
    .map((run, i) => ({ path: `${i}.jsonl`, text: textOf(run) }));
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  const result = await combineChecks(files, { maxDrop: 1, onWarning });
  assertEquals([result.device, result.deviceDescription], ["mixed", "WebAssembly; card"]);
  assertEquals(warnings, [
    "the shards ran on different devices, which round differently: WebAssembly; card",
  ]);
});
