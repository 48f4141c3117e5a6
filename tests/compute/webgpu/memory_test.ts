// Room on the device: taken late, given back, and missing.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { WebGpuBackend, type WebGpuOptions } from "../../../lib/compute/webgpu/backend.ts";
import { DeviceError } from "../../../lib/errors.ts";
import { batchOf, openGpu } from "./_against_reference.ts";

const PLANS = ["textures-8", "buffers-32x32"] as const;

/** Registers a test for each family on a device that holds so many bytes. */
function onEach(
  what: string,
  maxBytes: number,
  body: (open: (options: WebGpuOptions) => WebGpuBackend) => Promise<void> | void,
): void {
  for (const plan of PLANS) {
    Deno.test(`${what} (${plan})`, async () => {
      const gpu = await openGpu({ maxBytes });
      if (gpu === undefined) return;
      await body((options) => new WebGpuBackend(gpu, { plan, ...options }));
      gpu.destroy();
    });
  }
}

onEach("values keep their rows when a longer batch needs more room", Infinity, async (open) => {
  const backend = open({ maxTokens: 512 });
  const [x, y] = [backend.value("x", "tokens", 6), backend.value("y", "tokens", 6)];
  const data = Float32Array.from({ length: 3 * 6 }, (_, i) => i + 0.5);
  backend.begin(batchOf([3]));
  backend.write(x, data);
  assertEquals(await backend.read([x]), [data]);
  backend.begin(batchOf([300]));
  backend.write(y, new Float32Array(300 * 6).fill(7));
  const [grown, other] = await backend.read([x, y]);
  assertEquals(grown!.subarray(0, 18), data);
  assertEquals(grown!.subarray(18), new Float32Array(297 * 6)); // new rows are zero
  assertEquals(other, new Float32Array(300 * 6).fill(7));
});

// 512 rows of 256 columns take 512 KiB, as does reading them back.
onEach("read() runs out of memory, and a smaller batch still runs", 300_000, async (open) => {
  const backend = open({ maxTokens: 512 });
  const x = backend.value("too large", "tokens", 256);
  const old = backend.value("old", "tokens", 1);
  backend.begin(batchOf([2]));
  backend.write(old, Float32Array.of(1, 2));
  await backend.read([old]);

  const unused = backend.value("unused", "tokens", 1);
  backend.begin(batchOf([512]));
  backend.write(old, new Float32Array(512).fill(9));
  backend.write(x, new Float32Array(512 * 256));
  backend.free(unused);
  const error = await assertRejects(() => backend.read([x]), DeviceError);
  assertEquals(error.code, "out-of-memory");
  assert(error.message.includes(`"too large"`) && error.message.includes("0.5 MiB"), error.message);

  backend.begin(batchOf([2]));
  assertEquals(await backend.read([old]), [Float32Array.of(1, 2)]); // nothing of the batch was done
  const data = new Float32Array(100 * 256).fill(3);
  backend.begin(batchOf([100]));
  backend.write(x, data);
  assertEquals(await backend.read([x]), [data]);
  backend.destroy();
});

onEach("weight() refuses what there is no room for", 100_000, (open) => {
  const backend = open({ maxTokens: 4 });
  const large = () => backend.weight("large", new Float32Array(400 * 100), 400, 100);
  const error = assertThrows(large, DeviceError, `"large"`);
  assertEquals(error.code, "out-of-memory");
  const small = () => backend.weight("small", new Float32Array(100 * 100), 100, 100);
  for (let i = 0; i < 10; i++) backend.free(small()); // what is freed counts no more
  small();
  small();
  assertThrows(small, DeviceError);
  backend.destroy();
});

Deno.test("settle() reports an allocation that the device itself refuses", async () => {
  const gpu = await openGpu();
  if (gpu === undefined) return;
  const refuse = (lasting: boolean) => {
    const scope = gpu.device.popErrorScope;
    // A driver's own refusal cannot be had at will; this is what it looks like.
    gpu.device.popErrorScope = async function () {
      await scope.call(gpu.device);
      return new GPUOutOfMemoryError("no room");
    };
    const buffer = gpu.allocate(
      "refused",
      1 << 20,
      (device) => device.createBuffer({ size: 4, usage: GPUBufferUsage.STORAGE }),
      lasting,
    );
    gpu.device.popErrorScope = scope;
    buffer.destroy();
  };
  refuse(false);
  const error = await assertRejects(() => gpu.settle(), DeviceError, `"refused"`);
  assertEquals(error.code, "out-of-memory");
  await gpu.settle(); // for a value it is over
  refuse(true);
  await assertRejects(() => gpu.settle(), DeviceError, `"refused"`);
  await assertRejects(() => gpu.settle(), DeviceError, `"refused"`); // for a weight it stays
  gpu.destroy();
});
