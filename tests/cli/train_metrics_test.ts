import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { MetricsFile } from "../../cli/train_metrics.ts";
import { TinygraftError } from "../../lib/errors.ts";
import type { StartEvent, StepEvent } from "../../lib/train/options.ts";

const START: StartEvent = {
  kind: "start",
  steps: 4,
  resumedFrom: 0,
  rows: 8,
  tokens: 40,
  classes: [],
  inferred: false,
  parameters: 10,
  share: 0.1,
  device: "reference",
  deviceDescription: "f64",
};

function step(step: number): StepEvent {
  const rest = { epoch: step / 4, loss: 1 / step, learningRate: 0.1, gradientNorm: 1 };
  return { kind: "step", step, ...rest, rows: 2, tokens: 10, seconds: step };
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function stepsIn(path: string): Promise<unknown[]> {
  const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line)).map(({ kind, step }) => step ?? kind);
}

Deno.test("MetricsFile writes an event a line, but none of a progress line", () =>
  withFolder(async (folder) => {
    const path = join(folder, "m.jsonl");
    using file = new MetricsFile(path, [], false);
    file.write(START);
    file.write({ kind: "evaluating", done: 1, total: 2 });
    file.write(step(1));
    assertEquals(await stepsIn(path), ["start", 1]);
  }));

Deno.test("MetricsFile drops what is done again after a resume, and a line cut short", () =>
  withFolder(async (folder) => {
    const path = join(folder, "m.jsonl");
    const first = new MetricsFile(path, [], false);
    first.write(START);
    for (const n of [1, 2, 3]) first.write(step(n));
    first[Symbol.dispose]();
    await Deno.writeTextFile(path, '{"kind":"step","st', { append: true });
    using second = new MetricsFile(path, [], true);
    second.write({ ...START, resumedFrom: 2 });
    second.write(step(3));
    assertEquals(await stepsIn(path), ["start", 1, 2, "start", 3]);
  }));

Deno.test("MetricsFile refuses a file that is there unless it may replace it", () =>
  withFolder(async (folder) => {
    const path = join(folder, "m.jsonl");
    await Deno.writeTextFile(path, "old\n");
    const error = assertThrows(() => new MetricsFile(path, [], false), TinygraftError);
    assertEquals(error.code, "output-exists");
    using file = new MetricsFile(path, [], true);
    file.write(START);
    assertEquals(await stepsIn(path), ["start"]);
  }));
