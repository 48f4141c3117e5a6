import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { DeviceError } from "../../lib/errors.ts";
import { checkMerge } from "../../lib/eval/check.ts";
import { openGpu } from "../compute/webgpu/_against_reference.ts";

const MINI = fromFileUrl(new URL("../../fixtures/mini/", import.meta.url));
const OPTIONS = {
  base: `${MINI}encoder`,
  before: `${MINI}adapter`,
  after: `${MINI}adapter`,
  data: `${MINI}data/dev.tsv`,
  limit: 100,
  maxDrop: 0.01,
} as const;

Deno.test("checkMerge() measures and tells what f16 costs", async () => {
  const gpu = await openGpu({ f16: true });
  if (gpu === undefined) return;
  gpu.destroy();
  const lines: string[] = [];
  const onWarning = (line: string) => lines.push(line);
  const running = checkMerge({ ...OPTIONS, device: "webgpu", precision: "f16", onWarning });
  if (!gpu.f16) {
    const error = await assertRejects(() => running, DeviceError);
    assertEquals(error.code, "no-half-precision");
    return;
  }
  const { precisionError } = await running;
  assert(precisionError !== undefined);
  const { rows, maxLogitError } = precisionError;
  assertEquals(rows, 50); // every other of 100
  assert(maxLogitError > 1e-5 && maxLogitError < 0.05, `${maxLogitError}`);
  assertEquals(lines.filter((line) => line.startsWith("f16: logits within")).length, 1);
});

Deno.test("checkMerge() refuses f16 on the reference", async () => {
  const running = checkMerge({ ...OPTIONS, device: "reference", precision: "f16" });
  const error = await assertRejects(() => running, DeviceError, "f16");
  assertEquals(error.code, "no-half-precision");
});
