import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { BindGroups, type Bound } from "../../../lib/compute/webgpu/bind_groups.ts";

/** A device that counts what is made of it. */
function fakeDevice() {
  const made: GPUBindGroupDescriptor[] = [];
  const device = {
    createBindGroup: (descriptor: GPUBindGroupDescriptor) => {
      made.push(descriptor);
      return { label: descriptor.label };
    },
  } as unknown as GPUDevice;
  return { device, made };
}

/** A pipeline whose layout bears its name. */
function fakePipeline(name: string): GPUComputePipeline {
  return { getBindGroupLayout: () => ({ label: name }) } as unknown as GPUComputePipeline;
}

const view = (label: string) => ({ label }) as unknown as GPUTextureView;
const buffer = (label: string) => ({ label }) as unknown as GPUBuffer;

Deno.test("BindGroups.get() makes a group once for the same resources", () => {
  const { device, made } = fakeDevice();
  const groups = new BindGroups(device);
  const [pipeline, x, spans] = [fakePipeline("linear"), view("x"), buffer("spans")];
  const first = groups.get(pipeline, "linear", [x, { buffer: spans }]);
  // The description of what a buffer is bound as is made anew each time: the buffer counts.
  assertStrictEquals(groups.get(pipeline, "linear", [x, { buffer: spans }]), first);
  assertEquals(made, [{
    label: "linear",
    layout: { label: "linear" },
    entries: [{ binding: 0, resource: x }, { binding: 1, resource: { buffer: spans } }],
  }] as unknown as GPUBindGroupDescriptor[]);
});

Deno.test("BindGroups.get() makes another group for anything that differs", () => {
  const { device, made } = fakeDevice();
  const groups = new BindGroups(device);
  const [linear, norm] = [fakePipeline("linear"), fakePipeline("layerNorm")];
  const [x, y, z] = [view("same name"), view("same name"), buffer("z")];
  const wanted: [GPUComputePipeline, Bound[]][] = [
    [linear, [x, y]],
    [linear, [y, x]],
    [linear, [x]],
    [norm, [x, y]],
    [linear, [x, { buffer: z }]],
    [linear, [x, { buffer: z, size: 16 }]],
    [linear, [x, { buffer: z, size: 32 }]],
  ];
  const all = wanted.map(([pipeline, bound]) => groups.get(pipeline, "", bound));
  assertEquals(new Set(all).size, wanted.length);
  assertEquals(made.length, wanted.length);
});

Deno.test("BindGroups.get() keeps a bounded number of groups", () => {
  const { device, made } = fakeDevice();
  const groups = new BindGroups(device);
  const [pipeline, x] = [fakePipeline("linear"), buffer("x")];
  const get = (size: number) => groups.get(pipeline, "linear", [{ buffer: x, size }]);
  for (let size = 1; size <= 3000; size++) get(size);
  get(3000);
  assertEquals(made.length, 3000);
  get(1);
  assert(made.length === 3001, "the first of 3000 groups was still kept");
});
