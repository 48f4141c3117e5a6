import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { WasmBackend } from "../../../lib/compute/wasm/backend.ts";
import { DeviceError } from "../../../lib/errors.ts";
import { testBackendContract } from "../_backend_contract.ts";

for (const threads of [1, 2]) {
  testBackendContract(
    `WasmBackend, threads: ${threads}`,
    (maxTokens) => Promise.resolve(new WasmBackend({ maxTokens, threads })),
  );
}
testBackendContract(
  "WasmBackend without relaxed SIMD",
  (maxTokens) =>
    Promise.resolve(new WasmBackend({ maxTokens, threads: 3, target: { relaxed: false } })),
);

Deno.test("WasmBackend refuses a number of threads that is not a positive integer", () => {
  for (const threads of [0, -1, 1.5, NaN]) {
    assertThrows(() => new WasmBackend({ threads }), RangeError, `${threads} threads`);
  }
});

Deno.test("WasmBackend refuses what does not fit into 4 GiB, and goes on", async () => {
  const backend = new WasmBackend({ maxTokens: 1 << 20, threads: 1 });
  const large = backend.value("large", "tokens", 512); // 2 GiB, untouched
  const error = assertThrows(() => backend.value("larger", "tokens", 600), DeviceError, '"larger"');
  assertEquals(error.code, "out-of-memory");
  // Addresses over 2 GiB work.
  const [x, y] = [backend.value("x", "tokens", 8), backend.value("y", "tokens", 3)];
  const weight = backend.weight("weight", Float32Array.from({ length: 24 }, (_, i) => i), 3, 8);
  const bias = backend.weight("bias", Float32Array.of(1, 2, 3), 1, 3);
  backend.begin({ tokens: 1, starts: Uint32Array.of(0, 1) });
  backend.write(x, Float32Array.of(1, 0, 0, 0, 0, 0, 0, 1));
  backend.run({ op: "linear", x, weight, bias, activation: "none", y });
  assertEquals(await backend.read([y]), [Float32Array.of(7 + 1, 8 + 15 + 2, 16 + 23 + 3)]);
  backend.free(large);
  backend.free(backend.value("as large", "tokens", 512));
  backend.destroy();
});

Deno.test("free() gives memory back, before a read and after", async () => {
  const backend = new WasmBackend({ maxTokens: 64, threads: 2 });
  const data = new Float32Array(1 << 16);
  const bias = backend.weight("bias", data.subarray(0, 256), 1, 256);
  const round = async () => {
    backend.begin({ tokens: 1, starts: Uint32Array.of(0, 1) });
    backend.free(backend.weight("unused", data, 256, 256));
    const weight = backend.weight("used", data, 256, 256);
    const [x, y] = [backend.value("x", "tokens", 256), backend.value("y", "tokens", 256)];
    backend.run({ op: "linear", x, weight, bias, activation: "none", y });
    backend.free(weight);
    backend.free(x);
    await backend.read([y]);
    backend.free(y);
  };
  await round();
  const taken = backend.takenBytes;
  for (let i = 0; i < 20; i++) await round();
  assertEquals(backend.takenBytes, taken);
  backend.destroy();
});

Deno.test("a value is zero, even where freed memory is used again", async () => {
  const backend = new WasmBackend({ maxTokens: 4, threads: 1 });
  backend.begin({ tokens: 4, starts: Uint32Array.of(0, 4) });
  const used = backend.value("used", "tokens", 16);
  backend.write(used, new Float32Array(64).fill(7));
  await backend.read([used]);
  backend.free(used);
  assertEquals(await backend.read([backend.value("fresh", "tokens", 16)]), [new Float32Array(64)]);
  backend.destroy();
});

Deno.test("a program of more jobs than fit into memory at once runs whole", async () => {
  const backend = new WasmBackend({ maxTokens: 1, threads: 2 });
  const [x, y] = [backend.value("x", "tokens", 1), backend.value("y", "tokens", 1)];
  const weight = backend.weight("weight", Float32Array.of(1), 1, 1);
  const bias = backend.weight("bias", Float32Array.of(1), 1, 1);
  backend.begin({ tokens: 1, starts: Uint32Array.of(0, 1) });
  for (let i = 0; i < 1250; i++) {
    backend.run({ op: "linear", x, weight, bias, activation: "none", y });
    backend.run({ op: "linear", x: y, weight, bias, activation: "none", y: x });
  }
  assertEquals(await backend.read([x]), [Float32Array.of(2500)]);
  backend.destroy();
});

Deno.test("timers run during a long read on WebAssembly", async () => {
  const size = 512;
  const backend = new WasmBackend({ maxTokens: size, threads: 2 });
  const [x, y] = [backend.value("x", "tokens", size), backend.value("y", "tokens", size)];
  const weight = backend.weight("weight", new Float32Array(size * size), size, size);
  const bias = backend.weight("bias", new Float32Array(size), 1, size);
  backend.begin({ tokens: size, starts: Uint32Array.of(0, size) });
  for (let i = 0; i < 20; i++) {
    backend.run({ op: "linear", x, weight, bias, activation: "none", y });
  }
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await backend.read([y]);
  clearInterval(timer);
  assert(ticks > 2, `${ticks} ticks`);
  backend.destroy();
});

Deno.test("destroy() ends a read whose threads are at work", async () => {
  const size = 1024;
  const backend = new WasmBackend({ maxTokens: size, threads: 2 });
  const [x, y] = [backend.value("x", "tokens", size), backend.value("y", "tokens", size)];
  const weight = backend.weight("weight", new Float32Array(size * size), size, size);
  const bias = backend.weight("bias", new Float32Array(size), 1, size);
  backend.begin({ tokens: size, starts: Uint32Array.of(0, size) });
  for (let i = 0; i < 1000; i++) { // a minute's work
    backend.run({ op: "linear", x, weight, bias, activation: "none", y });
  }
  const reading = backend.read([y]);
  setTimeout(() => backend.destroy(), 200);
  await assertRejects(() => reading, DeviceError, "destroyed");
});
