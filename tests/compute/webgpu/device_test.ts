import { assert, assertEquals, assertRejects } from "@std/assert";
import { DeviceError } from "../../../lib/errors.ts";
import { openGpu } from "./_against_reference.ts";

Deno.test("compile() names the kernel, the line and the column of an error", async () => {
  const gpu = await openGpu();
  if (gpu === undefined) return;
  const code = "@compute @workgroup_size(1)\nfn main() {\n  let x = missing;\n}";
  const error = await assertRejects(() => gpu.compile("broken", code), DeviceError);
  assertEquals(error.code, "kernel-compile");
  assert(error.message.includes('"broken" (line 3, column 11)'), error.message);
  assert(error.message.includes("missing"), error.message);
  gpu.destroy();
});

Deno.test("compile() refuses constants that the kernel does not have", async () => {
  const gpu = await openGpu();
  if (gpu === undefined) return;
  const code = "@compute @workgroup_size(1)\nfn main() {}";
  const error = await assertRejects(() => gpu.compile("bare", code, { EPS: 1 }), DeviceError);
  assertEquals(error.code, "kernel-compile");
  gpu.destroy();
});

Deno.test("open() describes the adapter", async () => {
  const gpu = await openGpu();
  if (gpu === undefined) return;
  assert(gpu.description.length > 0);
  assertEquals(gpu.software, /llvmpipe|swiftshader/i.test(gpu.description));
  gpu.destroy();
});
