import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { InterruptedError } from "../../lib/errors.ts";
import { evaluate } from "../../lib/train/evaluate.ts";
import { openExpected, openParts, readMiniRows } from "./_parts.ts";

const MINI = fromFileUrl(new URL("../../fixtures/mini/", import.meta.url));

Deno.test("evaluate() gives PyTorch's loss, leaves the adapter alone and tells its progress", async () => {
  const backend = new ReferenceBackend();
  const { parts, adapter } = await openParts(backend, `${MINI}encoder`, `${MINI}adapter`);
  const before = adapter.values();
  const done: number[][] = [];
  const { loss, metrics } = await evaluate(parts, adapter, await readMiniRows(16), {
    metrics: ["accuracy"],
    onProgress: (...of) => done.push(of),
  });
  assertAlmostEquals(loss, (await openExpected()).losses.plain, 1e-6);
  assertEquals(metrics.accuracy! * 16 % 1, 0);
  assertEquals(done.at(-1), [16, 16]);
  assertEquals(adapter.values(), before);
  const signal = AbortSignal.abort();
  const rows = await readMiniRows(1);
  await assertRejects(
    () => evaluate(parts, adapter, rows, { metrics: [], signal }),
    InterruptedError,
  );
  backend.destroy();
});
