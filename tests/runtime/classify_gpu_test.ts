import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import type { Backend } from "../../lib/compute/backend.ts";
import type { WebGpuOptions } from "../../lib/compute/webgpu/backend.ts";
import { WebGpuBackend } from "../../lib/compute/webgpu/backend.ts";
import { DeviceError } from "../../lib/errors.ts";
import { classifyRows } from "../../lib/runtime/classify.ts";
import { assertClose } from "../_close.ts";
import { openGpu } from "../compute/webgpu/_against_reference.ts";
import { openEncoder, randomEncodings } from "./_encoder.ts";

const MINI = fromFileUrl(new URL("../../fixtures/mini/", import.meta.url));
const LENGTHS = [9, 3, 30, 1, 17, 30, 64, 2, 5, 11];
const ENCODINGS = randomEncodings(LENGTHS, 500);

/** Logits of seeded rows through the shipped encoder with its adapter, and rows done by batch. */
async function logitsOn(backend: Backend) {
  const location = `${MINI}adapter`;
  const encoder = await openEncoder(backend, `${MINI}encoder`, [{ location }]);
  const done: number[] = [];
  const onProgress = (rows: number) => done.push(rows);
  const { variants } = await classifyRows(encoder, ENCODINGS, { onProgress });
  return { logits: variants[0]!.logits, done };
}

/** The same on WebGPU, and the bytes that it took in the end. */
async function logitsOnGpu(options: WebGpuOptions, maxBytes = Infinity) {
  const gpu = await openGpu({ f16: options.precision === "f16", maxBytes });
  if (gpu === undefined || (options.precision === "f16" && !gpu.f16)) return undefined;
  const backend = new WebGpuBackend(gpu, options);
  try {
    return { ...await logitsOn(backend), bytes: gpu.bytes };
  } finally {
    backend.destroy();
    assertEquals(gpu.bytes, 0); // everything was given back
  }
}

const { logits: expected } = await logitsOn(new ReferenceBackend({ minTokens: 64 }));

Deno.test("an encoder's logits on buffers are those of the reference", async () => {
  const found = await logitsOnGpu({ plan: "buffers-32x32" });
  if (found) assertClose(found.logits, expected, { atol: 1e-4, rtol: 1e-4 });
});

Deno.test("an encoder's logits in f16 are near those of the reference, and not the same", async () => {
  const found = await logitsOnGpu({ plan: "buffers-32x32", precision: "f16" });
  if (!found) return;
  assertClose(found.logits, expected, { atol: 2e-2, rtol: 1e-2 });
  assert(found.logits.some((logit, i) => Math.abs(logit - expected[i]!) > 1e-4));
});

Deno.test("classifyRows() tries smaller batches when the device has no room", async () => {
  for (const plan of ["textures-8", "buffers-32x32"] as const) {
    const roomy = await logitsOnGpu({ plan });
    if (roomy === undefined) return;
    assertEquals(roomy.done, [LENGTHS.length]); // one batch
    // Of some 3.6 MB, 2.5 MB are weights.
    const tight = (await logitsOnGpu({ plan }, 0.85 * roomy.bytes))!;
    assert(tight.done.length > 1, `${tight.done}`);
    assertClose(tight.logits, expected, { atol: 1e-4, rtol: 1e-4 });
  }
});

Deno.test("classifyRows() gives up when there is no room even for one sequence", async () => {
  const roomy = await logitsOnGpu({ plan: "buffers-32x32" });
  if (roomy === undefined) return;
  const running = logitsOnGpu({ plan: "buffers-32x32" }, 0.75 * roomy.bytes);
  const error = await assertRejects(() => running, DeviceError);
  assertEquals(error.code, "out-of-memory");
});
