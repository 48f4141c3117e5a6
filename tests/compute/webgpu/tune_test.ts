import { assert, assertEquals, assertRejects } from "@std/assert";
import { KERNEL_PLANS, workgroupBytes } from "../../../lib/compute/ops/plan.ts";
import { openWebGpu } from "../../../lib/compute/webgpu/open.ts";
import { candidatesFor, timePlan, tunePlan } from "../../../lib/compute/webgpu/tune.ts";
import { openGpu } from "./_against_reference.ts";

/** A cache in memory that tells what was asked and kept. */
function memoryCache(...entries: [string, string][]) {
  const kept = new Map(entries);
  const asked: string[] = [];
  return {
    kept,
    asked,
    get(key: string) {
      asked.push(key);
      return Promise.resolve(kept.get(key));
    },
    set(key: string, finding: string) {
      kept.set(key, finding);
      return Promise.resolve();
    },
  };
}

Deno.test("workgroupBytes() keeps the default plan and the small ones within 16 KiB", () => {
  assertEquals(workgroupBytes(KERNEL_PLANS["textures-16"]), 0);
  assertEquals(workgroupBytes(KERNEL_PLANS["buffers-64x64"]), 16 * 4 * (66 + 74));
  assert(workgroupBytes(KERNEL_PLANS["buffers-64x64"]) <= 16384);
  assert(workgroupBytes(KERNEL_PLANS["buffers-128x64"]) <= 16384);
});

Deno.test("candidatesFor() leaves out textures for f16, and what the device has no room for", async () => {
  const gpu = await openGpu();
  if (gpu === undefined) return;
  const names = candidatesFor(gpu, "f32");
  assert(names.includes("textures-8") && names.includes("buffers-64x64"));
  assert(candidatesFor(gpu, "f16").every((name) => KERNEL_PLANS[name].family === "buffers"));
  const { limits } = gpu.device;
  const room = Object.create(limits, { maxComputeWorkgroupStorageSize: { value: 16384 } });
  Object.defineProperty(gpu.device, "limits", { value: room });
  assert(!candidatesFor(gpu, "f32").includes("buffers-128x128"));
  gpu.destroy();
});

Deno.test("tunePlan() takes what was kept and measures nothing", async () => {
  const gpu = await openGpu();
  if (gpu === undefined) return;
  const cache = memoryCache([`${gpu.identity}/f32`, "buffers-32x32"]);
  const started = performance.now();
  assertEquals(await tunePlan(gpu, "f32", cache), "buffers-32x32");
  assert(performance.now() - started < 100);
  assertEquals(cache.asked, [`${gpu.identity}/f32`]);
  gpu.destroy();
});

Deno.test("tunePlan() keeps the fastest plan, also where an unknown one was kept", async () => {
  const gpu = await openGpu();
  if (gpu === undefined) return;
  const key = `${gpu.identity}/f32`;
  const cache = memoryCache([key, "a plan of the past"]);
  const measured: string[] = [];
  const measure = (_: unknown, plan: string) => {
    measured.push(plan);
    return Promise.resolve(plan === "buffers-64x64" ? 2 : 1);
  };
  assertEquals(await tunePlan(gpu, "f32", cache, measure), "buffers-64x64");
  assertEquals(measured, candidatesFor(gpu, "f32"));
  assertEquals([...cache.kept], [[key, "buffers-64x64"]]);
  gpu.destroy();
});

Deno.test("timePlan() gives a speed and leaves the device open", async () => {
  const gpu = await openGpu();
  if (gpu === undefined) return;
  const speed = await timePlan(gpu, "textures-16", "f32");
  assert(speed > 0 && Number.isFinite(speed), `${speed}`);
  await gpu.settle();
  gpu.destroy();
});

Deno.test("openWebGpu() does not measure a software driver, and refuses f16 where it is absent", async () => {
  const gpu = await openGpu({ f16: true });
  if (gpu === undefined || !gpu.software) return;
  const cache = memoryCache();
  const backend = (await openWebGpu({ tuning: cache, maxTokens: 8 }))!;
  assertEquals([backend.maxTokens, cache.asked, cache.kept.size], [8, [], 0]);
  backend.destroy();
  if (gpu.f16) (await openWebGpu({ precision: "f16" }))!.destroy();
  else await assertRejects(() => openWebGpu({ precision: "f16" }), Error, "f16");
  gpu.destroy();
});
