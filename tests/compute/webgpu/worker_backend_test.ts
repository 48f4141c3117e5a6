// WebGPU in a worker: the contract of every backend, a free main thread, and the worker's ends.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Backend } from "../../../lib/compute/backend.ts";
import { openBackend } from "../../../lib/compute/open.ts";
import type { OpenWebGpuOptions } from "../../../lib/compute/webgpu/open.ts";
import { openWebGpuInWorker, WorkerBackend } from "../../../lib/compute/webgpu/worker_backend.ts";
import { DeviceError } from "../../../lib/errors.ts";
import { noise } from "../../_noise.ts";
import { testBackendContract } from "../_backend_contract.ts";
import { linear, tinyAttention } from "../_cases.ts";
import { compare, openGpu } from "./_against_reference.ts";
import { LOSE_DEVICE, replaceWorkers } from "./_worker.ts";

/** Whether there is an adapter; where its absence is allowed, these tests pass without one. */
const gpu = await openGpu();
gpu?.destroy();

async function open(options: OpenWebGpuOptions = {}): Promise<WorkerBackend | undefined> {
  if (gpu === undefined) return undefined;
  const backend = await openWebGpuInWorker(options);
  assert(backend instanceof WorkerBackend);
  return backend;
}

testBackendContract("WorkerBackend", (maxTokens) => open({ maxTokens }));

/** Records products that take about `count` times 10 ms on a software driver. */
function recordProducts(backend: Backend, count: number) {
  const [rows, inner] = [256, 768];
  const weight = backend.weight("weight", noise(inner * inner, { seed: 1 }), inner, inner);
  const bias = backend.weight("bias", new Float32Array(inner), 1, inner);
  const [x, y] = [backend.value("x", "tokens", inner), backend.value("y", "tokens", inner)];
  backend.begin({ tokens: rows, starts: Uint32Array.of(0, rows) });
  backend.write(x, noise(rows * inner, { seed: 2 }));
  for (let i = 0; i < count; i++) {
    backend.run({ op: "linear", x, weight, bias, activation: "none", y });
  }
  return y;
}

Deno.test("openBackend() runs WebGPU in a worker", async () => {
  if (gpu === undefined) return;
  const backend = await openBackend("webgpu", { maxTokens: 12 });
  assert(backend instanceof WorkerBackend);
  assertEquals([backend.name, backend.maxTokens], ["webgpu", 12]);
  assertEquals([backend.software, backend.description], [gpu.software, gpu.description]);
  backend.destroy();
});

Deno.test("operations in a worker match f64, one after the other", async () => {
  const backend = await open({ maxTokens: 64 });
  for (const make of [linear(20, 12, "gelu"), tinyAttention(20, 3, 2, 1)]) {
    await compare(backend, [1, 30, 7], make, { atol: 1e-5, rtol: 1e-5 });
  }
  backend?.destroy();
});

Deno.test("read() leaves the caller's thread free", async () => {
  const backend = await open({ maxTokens: 256 });
  if (backend === undefined) return;
  const y = recordProducts(backend, 50);
  const gaps: number[] = [];
  let last = performance.now();
  const started = last;
  const timer = setInterval(() => {
    gaps.push(performance.now() - last);
    last = performance.now();
  }, 5);
  await backend.read([y]);
  const seconds = (performance.now() - started) / 1000;
  clearInterval(timer);
  backend.destroy();
  // A free thread ticks nearly 200 times a second, a waiting one three times on a software driver.
  if (!backend.software) return;
  assert(gaps.length > 40 * seconds, `${gaps.length} ticks in ${seconds} s`);
});

Deno.test("waited counts what the device takes", async () => {
  const backend = await open({ maxTokens: 256 });
  if (backend === undefined) return;
  assertEquals(backend.waited, { compute: 0, readback: 0 });
  const y = recordProducts(backend, 3);
  const started = performance.now();
  await backend.read([y]);
  const seconds = (performance.now() - started) / 1000;
  const { compute, readback } = backend.waited;
  assert(compute > 0 && readback > 0 && compute + readback < seconds, `${compute}, ${readback}`);
  backend.destroy();
});

Deno.test("weight() and value() refuse at the call what the device cannot hold", async () => {
  const backend = await open({ maxTokens: 4 });
  if (backend === undefined || !backend.software) return backend?.destroy();
  const tall = new Float32Array(1 << 20);
  assertThrows(() => backend.weight("tall", tall, tall.length, 1), RangeError, `"tall"`);
  assertThrows(() => backend.value("wide", "tokens", 1 << 24), RangeError, `"wide"`);
  backend.destroy();
  const message = `${1 << 20} tokens`;
  await assertRejects(() => open({ maxTokens: 1 << 20 }), RangeError, message);
});

Deno.test("weight() takes a copy and leaves its argument as it was", async () => {
  const backend = await open({ maxTokens: 4 });
  if (backend === undefined) return;
  const data = Float32Array.of(1, 2, 3, 4, 5, 6);
  const weight = backend.weight("weight", data.subarray(2, 4), 1, 2);
  data.fill(9);
  const bias = backend.weight("bias", new Float32Array(1), 1, 1);
  const [x, y] = [backend.value("x", "tokens", 2), backend.value("y", "tokens", 1)];
  backend.begin({ tokens: 1, starts: Uint32Array.of(0, 1) });
  backend.write(x, Float32Array.of(1, 10));
  backend.run({ op: "linear", x, weight, bias, activation: "none", y });
  assertEquals(await backend.read([y]), [Float32Array.of(43)]);
  assertEquals(data.length, 6);
  backend.destroy();
});

Deno.test("free() gives memory back without a read", async () => {
  const backend = await open({ maxTokens: 4 });
  if (backend === undefined) return;
  const data = new Float32Array(1 << 22); // 16 MiB
  const rounds = async (count: number) => {
    for (let i = 0; i < count; i++) {
      backend.free(backend.weight("unused", data, 2048, 2048));
      await new Promise((resolve) => setTimeout(resolve, 60)); // the worker takes it meanwhile
    }
  };
  await rounds(5);
  const before = Deno.memoryUsage().rss;
  await rounds(20);
  const grown = (Deno.memoryUsage().rss - before) / 2 ** 20;
  backend.destroy();
  assert(grown < 160, `${grown} MiB more after 20 weights of 16 MiB`);
});

Deno.test("a worker that cannot load leaves WebGPU to the caller's thread", async () => {
  if (gpu === undefined) return;
  using _ = replaceWorkers(`postMessage({ kind: "unstartable", reason: "no such module" });`);
  const backend = (await openWebGpuInWorker({ maxTokens: 8 }))!;
  assert(!(backend instanceof WorkerBackend));
  assertEquals([backend.name, backend.maxTokens], ["webgpu", 8]);
  backend.destroy();
});

Deno.test("a worker that crashes is an error for whoever reads, then and later", async () => {
  using _ = replaceWorkers(`
    serve(globalThis);
    const { onmessage } = globalThis;
    globalThis.onmessage = (event) => {
      if (event.data.read) throw new Error("crashed on purpose");
      onmessage(event);
    };`);
  const backend = await open({ maxTokens: 8 });
  if (backend === undefined) return;
  const x = backend.value("x", "tokens", 1);
  backend.begin({ tokens: 1, starts: Uint32Array.of(0, 1) });
  const error = await assertRejects(() => backend.read([x]), DeviceError, "crashed on purpose");
  assertEquals(error.code, "device-error");
  await assertRejects(() => backend.read([x]), DeviceError, "crashed on purpose");
  backend.destroy();
});

Deno.test("a device that is lost during a read is an error with its code", async () => {
  using _ = replaceWorkers(LOSE_DEVICE);
  const backend = await open({ maxTokens: 256 });
  if (backend === undefined) return;
  const y = recordProducts(backend, 40);
  const error = await assertRejects(() => backend.read([y]), DeviceError, "it was lost");
  assertEquals(error.code, "device-lost");
  await assertRejects(() => backend.read([y]), DeviceError, "it was lost");
  backend.destroy();
});

Deno.test("a missing room in the worker keeps its code, and smaller batches run", async () => {
  using _ = replaceWorkers(`
    const { popErrorScope } = GPUDevice.prototype;
    let label;
    for (const make of ["createTexture", "createBuffer"]) {
      const original = GPUDevice.prototype[make];
      GPUDevice.prototype[make] = function (descriptor) {
        label = descriptor.label;
        return original.call(this, descriptor);
      };
    }
    GPUDevice.prototype.popErrorScope = async function () {
      const refused = label === "refused";
      await popErrorScope.call(this);
      return refused ? new GPUOutOfMemoryError("no room") : null;
    };
    serve(globalThis);`);
  const backend = await open({ maxTokens: 8 });
  if (backend === undefined) return;
  const [x, large] = [backend.value("x", "tokens", 1), backend.value("refused", "tokens", 1)];
  const begin = () => backend.begin({ tokens: 1, starts: Uint32Array.of(0, 1) });
  begin();
  backend.write(large, Float32Array.of(5));
  const error = await assertRejects(() => backend.read([large]), DeviceError, `"refused"`);
  assertEquals(error.code, "out-of-memory");
  begin();
  backend.write(x, Float32Array.of(7));
  assertEquals(await backend.read([x]), [Float32Array.of(7)]);
  backend.destroy();
});

Deno.test("the worker asks its owner which kernels are fastest", async () => {
  if (gpu === undefined) return;
  // A software driver is not tuned: this one claims to be a GPU, and knows one plan.
  using _ = replaceWorkers(`
    const { requestAdapter } = GPU.prototype;
    GPU.prototype.requestAdapter = async function () {
      const adapter = await requestAdapter.call(this);
      const info = { vendor: "v", architecture: "a", device: "d", description: "hard" };
      Object.defineProperty(adapter, "info", { value: info });
      return adapter;
    };
    serve(globalThis);`);
  const asked: string[] = [];
  const get = (key: string) => (asked.push(key), Promise.resolve("buffers-32x32"));
  const tuning = { get, set: () => Promise.resolve() };
  const backend = await open({ maxTokens: 8, tuning });
  assertEquals([backend!.software, backend!.description], [false, "hard"]);
  assertEquals(asked, ["v/a/d/hard/f32"]);
  backend!.destroy();
  const failing = { ...tuning, get: () => Promise.reject(new RangeError("the cache is broken")) };
  await assertRejects(() => open({ tuning: failing }), RangeError, "the cache is broken");
});
