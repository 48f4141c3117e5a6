import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openBackend } from "../../lib/compute/open.ts";

/** Runs code in a process that finds no adapter, with `openBackend` in scope; gives its output. */
async function withoutAdapter(code: string): Promise<string> {
  const module = import.meta.resolve("../../lib/compute/open.ts");
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", `import { openBackend } from "${module}"; ${code}`],
    // Without the first, the driver's loader falls back to OpenGL and finds an adapter there.
    env: { DENO_WEBGPU_BACKEND: "vulkan", VK_DRIVER_FILES: "/nonexistent" },
  }).output();
  const text = new TextDecoder();
  assertEquals(success, true, text.decode(stderr));
  return text.decode(stdout);
}

Deno.test("openBackend() opens the reference when asked to", async () => {
  const backend = await openBackend("reference", { maxTokens: 12 });
  assertEquals([backend.name, backend.software, backend.maxTokens], ["reference", true, 12]);
  backend.destroy();
});

Deno.test("openBackend() refuses a batch size that is not a positive integer", async () => {
  for (const maxTokens of [0, -1, 1.5, NaN]) {
    await assertRejects(() => openBackend("reference", { maxTokens }), RangeError, "maxTokens");
  }
});

Deno.test("openBackend() falls back to the reference with one line when auto finds no adapter", async () => {
  const output = await withoutAdapter(`
    const lines = [];
    const backend = await openBackend("auto", { onFallback: (line) => lines.push(line) });
    console.log(JSON.stringify([backend.name, lines]));
  `);
  const [name, lines] = JSON.parse(output) as [string, string[]];
  assertEquals(name, "reference");
  assertEquals(lines.length, 1);
  assertStringIncludes(lines[0]!, "no WebGPU adapter");
});

Deno.test("openBackend() throws when webgpu is asked for and there is no adapter", async () => {
  const output = await withoutAdapter(`
    const error = await openBackend("webgpu").catch((error) => error);
    console.log(error.name, error.code);
  `);
  assertEquals(output.trim(), "DeviceError no-adapter-device");
});
