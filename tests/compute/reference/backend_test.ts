import { assertEquals } from "@std/assert";
import { ReferenceBackend } from "../../../lib/compute/reference/backend.ts";
import { testBackendContract } from "../_backend_contract.ts";

testBackendContract(
  "ReferenceBackend",
  (maxTokens) => Promise.resolve(new ReferenceBackend({ maxTokens })),
);

Deno.test("ReferenceBackend lets timers run during a long read", async () => {
  const size = 256;
  const backend = new ReferenceBackend();
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
  assertEquals(ticks > 0, true);
  backend.destroy();
});
