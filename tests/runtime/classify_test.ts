import { assertEquals, assertRejects } from "@std/assert";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { InterruptedError } from "../../lib/errors.ts";
import { classifyRows } from "../../lib/runtime/classify.ts";
import { makeWorkspace } from "../_workspace.ts";
import { openEncoder, randomEncodings } from "./_encoder.ts";

Deno.test("classifyRows() stops in the middle of a batch when the signal is aborted", async () => {
  await using space = await makeWorkspace();
  const backend = new ReferenceBackend();
  const encoder = await openEncoder(backend, space.base, [{ location: space.adapter }]);
  const encodings = randomEncodings([5, 1, 17], 100);
  for (const abortEarlier of [false, true]) {
    const controller = new AbortController();
    if (abortEarlier) controller.abort();
    else setTimeout(() => controller.abort(), 20);
    backend.read = () => new Promise(() => {}); // a device that never finishes
    const running = classifyRows(encoder, encodings, { signal: controller.signal });
    await assertRejects(() => running, InterruptedError);
  }
  Reflect.deleteProperty(backend, "read");
  const { signal } = new AbortController();
  const { variants } = await classifyRows(encoder, encodings, { signal });
  assertEquals(variants[0]!.rows, 3);
  backend.destroy();
});
