import { assertEquals, assertThrows } from "@std/assert";
import { DataError } from "../../lib/errors.ts";
import { parsePredictions } from "../../lib/eval/combine_read.ts";
import { shardOf, textOf, wholeRun } from "./_runs.ts";

Deno.test("parsePredictions() reads back what was written, bit for bit and in any order", () => {
  const run = shardOf(wholeRun(11), 2, 3);
  const text = textOf(run);
  assertEquals(parsePredictions(text, "a.jsonl"), run);
  const [first, ...rest] = text.trimEnd().split("\n");
  assertEquals(parsePredictions([first, ...rest.reverse()].join("\n"), "a.jsonl"), run);
});

Deno.test("parsePredictions() of a regression keeps scores", () => {
  const row = (index: number, label: number) => ({
    index,
    label,
    before: { logits: [0.5], prediction: 0.5 },
    after: { logits: [-0.25], prediction: -0.25 },
  });
  const { record } = wholeRun(2);
  const check = { ...record, outputs: { type: "regression", labels: null }, metric: "pearson" };
  const text = `${JSON.stringify({ ...row(0, 4.75), check })}\n${JSON.stringify(row(1, 0.1))}`;
  const run = parsePredictions(text, "a.jsonl");
  assertEquals(run.targets, Float64Array.of(4.75, 0.1));
  assertEquals(run.after, { logits: Float32Array.of(-0.25, -0.25), rows: 2, cols: 1 });
});

Deno.test("parsePredictions() names the line and the fault of what is damaged", () => {
  const lines = textOf(wholeRun(3)).trimEnd().split("\n");
  const edit = (line: number, from: string | RegExp, to: string) =>
    lines.map((text, i) => i === line ? text.replace(from, to) : text).join("\n");
  const cases: [text: string, found: string][] = [
    ["", "line 1: the file is empty"],
    [`${lines[0]}\n${lines[1]!.slice(0, 40)}`, "line 2: it is no JSON"],
    [`${lines[0]}\n[]`, "line 2: it is no JSON object"],
    [lines.slice(1).join("\n"), 'line 1: the first row lacks "check"'],
    [edit(0, '"format":1', '"format":2'), "is 2, this tinygraft has 1"],
    [edit(0, '"rows":3', '"rows":-3'), '"check" has no usable "rows"'],
    [edit(0, '"rows":3', '"rows":1e15'), '"check" has no usable "rows"'],
    [edit(0, '"index":1,"count":1', '"index":2,"count":1'), '"check" has no usable "shard"'],
    [edit(0, '"metric":"accuracy"', '"metric":"best"'), '"check" has no usable "metric"'],
    [edit(0, '"data":"d"', '"data":7'), '"check" has no usable "inputs"'],
    [edit(1, '"index":1', '"index":3'), 'line 2: "index" is 3, no row of its shard'],
    [edit(1, '"label":1', '"label":-1'), 'line 2: "label" is -1'],
    [edit(2, '"after":{"logits":[', '"after":{"logits":[null,'), 'line 3: "after" has no usable'],
    [edit(2, '"before":{"logits":[', '"before":{"logits":[1,'), "line 3: it has 4 and 3 logits"],
  ];
  for (const [text, found] of cases) {
    const error = assertThrows(() => parsePredictions(text, "a.jsonl"), DataError, found);
    assertEquals([error.code, error.path], ["invalid-predictions", "a.jsonl"]);
  }
  const twice = assertThrows(
    () => parsePredictions([...lines, lines[1]].join("\n"), "a"),
    DataError,
  );
  assertEquals(twice.code, "duplicate-rows");
});
