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

Deno.test("openBackend() opens WebAssembly with the threads asked for", async () => {
  const backend = await openBackend("wasm", { minTokens: 2000, threads: 3 });
  assertEquals([backend.name, backend.software, backend.maxTokens], ["wasm", true, 2000]);
  assertStringIncludes(backend.description, "3 threads");
  backend.destroy();
});

Deno.test("openBackend() takes WebAssembly, silently, when auto finds no adapter", async () => {
  const output = await withoutAdapter(`
    const lines = [];
    const backend = await openBackend("auto", { onFallback: (line) => lines.push(line) });
    backend.destroy();
    console.log(JSON.stringify([backend.name, lines]));
  `);
  assertEquals(JSON.parse(output), ["wasm", []]);
});

Deno.test("openBackend() falls back to the reference with one line without shared memory", async () => {
  const output = await withoutAdapter(`
    delete globalThis.SharedArrayBuffer;
    const lines = [];
    const backend = await openBackend("auto", { onFallback: (line) => lines.push(line) });
    const error = await openBackend("wasm").catch((error) => error);
    console.log(JSON.stringify([backend.name, lines, error.code]));
  `);
  const [name, lines, code] = JSON.parse(output) as [string, string[], string];
  assertEquals([name, lines.length, code], ["reference", 1, "device-error"]);
  assertStringIncludes(lines[0]!, "slow");
});

Deno.test("openBackend() throws when webgpu is asked for and there is no adapter", async () => {
  const output = await withoutAdapter(`
    const error = await openBackend("webgpu").catch((error) => error);
    console.log(error.name, error.code);
  `);
  assertEquals(output.trim(), "DeviceError no-adapter-device");
});
