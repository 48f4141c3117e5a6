// What comes of a check when the device fails or is slow: nothing half-done.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace, snapshot, type Workspace } from "../_workspace.ts";
import { openGpu } from "../compute/webgpu/_against_reference.ts";
import { LOSE_DEVICE, NEVER_READ, replaceWorkers } from "../compute/webgpu/_worker.ts";

const gpu = await openGpu();
gpu?.destroy();

/** A check on WebGPU, a row a batch, that is to leave two files. */
const check = (space: Workspace) => [
  "check",
  space.base,
  ...["--before", space.adapter, "--after", space.adapter, "--data", space.data],
  ...["--device", "webgpu", "--batch", "1", "--predictions", space.at("predictions.jsonl")],
  ...["--report", space.at("report.html")],
];

Deno.test("check exits 1 and leaves nothing when the device is lost in the middle", async () => {
  if (gpu === undefined) return;
  await using space = await makeWorkspace();
  const before = await snapshot(space.folder);
  using _ = replaceWorkers(LOSE_DEVICE);
  const { code, json } = await runJson(check(space));
  const { error } = json as { error: { code: string; message: string } };
  assertEquals([code, error.code], [1, "device-lost"], error.message);
  assertStringIncludes(error.message, "Cannot use the WebGPU device: it was lost");
  assertEquals(await snapshot(space.folder), before);
  const plain = await runCaptured(check(space));
  assertEquals([plain.code, plain.out], [1, ""]);
  assertStringIncludes(plain.err, "it was lost");
});

Deno.test("check exits 130 at once when it is interrupted while the device works", async () => {
  if (gpu === undefined) return;
  await using space = await makeWorkspace();
  const before = await snapshot(space.folder);
  using _ = replaceWorkers(NEVER_READ);
  const controller = new AbortController();
  let interrupted = 0;
  setTimeout(() => {
    interrupted = performance.now();
    controller.abort();
  }, 1500); // the read, which never ends, is under way long since
  const { code, out, err } = await runCaptured(check(space), { signal: controller.signal });
  const waited = performance.now() - interrupted;
  assertEquals([code, out], [130, ""], err);
  assert(waited < 500, `it took ${waited} ms`);
  assertEquals(await snapshot(space.folder), before);
});
