import { assertEquals, assertThrows } from "@std/assert";
import { parseBaseline, requireSameGround } from "../../lib/eval/baseline.ts";
import { DataError, TinygraftError } from "../../lib/errors.ts";

const CHECK = {
  ...{ metric: "accuracy", examples: 4, inputs: { data: "d" }, passed: true },
  settings: { task: "sst2", limit: null },
  after: { metrics: { accuracy: 0.75, f1: 0.5 } },
};
const GROUND = { metric: "accuracy", value: 0.75, examples: 4, task: "sst2", data: "d" };

Deno.test("parseBaseline() reads a check, and the one of several that has the name", () => {
  assertEquals(parseBaseline(CHECK, "a.json"), { path: "a.json", ...GROUND });
  const worse = { ...CHECK, name: "worse", after: { metrics: { accuracy: 0.5 } } };
  const several = { passed: true, checks: [{ ...CHECK, name: "one" }, worse] };
  assertEquals(parseBaseline(several, "a.json", "one").value, 0.75);
  assertEquals(parseBaseline(several, "a.json", "worse").value, 0.5);
  for (const name of [undefined, "two"]) {
    assertThrows(() => parseBaseline(several, "a.json", name), TinygraftError, "of its 2 checks");
  }
  assertEquals(parseBaseline({ checks: [worse] }, "a.json").value, 0.5);
});

Deno.test("parseBaseline() refuses what is no result of a check", () => {
  for (const key of ["metric", "examples", "settings", "after", "inputs"]) {
    const { [key]: _, ...rest } = CHECK as Record<string, unknown>;
    const error = assertThrows(() => parseBaseline(rest, "a.json"), TinygraftError);
    assertEquals(error.code, "invalid-json", key);
  }
  assertThrows(() => parseBaseline({ checks: [null] }, "a.json"), TinygraftError, '"metric"');
});

Deno.test("requireSameGround() refuses other data, task, metric or rows", () => {
  const baseline = { path: "a.json", ...GROUND };
  requireSameGround(baseline, GROUND);
  requireSameGround(baseline, { data: "d" });
  requireSameGround(baseline, { value: 0 });
  const others = { data: "e", task: null, metric: "f1", examples: 5 };
  for (const [key, value] of Object.entries(others)) {
    const check = { ...GROUND, [key]: value };
    const error = assertThrows(() => requireSameGround(baseline, check), DataError);
    assertEquals([error.code, error.path], ["baseline-mismatch", "a.json"], key);
  }
});
