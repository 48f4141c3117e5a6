// The threads as such: failures, rest and the ends of processes.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ModuleBuilder } from "../../../lib/compute/assembler/module.ts";
import { defineKernel, makeJob } from "../../../lib/compute/ops/job.ts";
import { Heap } from "../../../lib/compute/wasm/heap.ts";
import { CONTROL_BYTES } from "../../../lib/compute/wasm/thread.ts";
import { Threads } from "../../../lib/compute/wasm/threads.ts";
import { DeviceError } from "../../../lib/errors.ts";

const COUNT = { name: "count", ints: ["at"], floats: [] } as const;
const FAIL = { name: "fail", ints: ["at"], floats: [] } as const;

/** Threads with two kernels: one adds its chunk's number + 1 to a word of the chunk, one traps. */
function open(count: number): { heap: Heap; threads: Threads } {
  const module = new ModuleBuilder({ relaxed: false }, 256);
  defineKernel(module, COUNT, (f, { at }, { chunk }) => {
    const word = f.let(at.add(chunk.shl(2)));
    f.store(word, word.loadI32().add(chunk).add(1));
  });
  defineKernel(module, FAIL, (f, { at }) => f.store(at, at.loadI32()));
  const heap = new Heap(CONTROL_BYTES);
  return { heap, threads: new Threads(heap, new WebAssembly.Module(module.encode()), count) };
}

/** Runs code in a process with everything of the backend's module in scope; fails if it hangs. */
async function runProcess(code: string): Promise<string> {
  const module = import.meta.resolve("../../../lib/compute/wasm/backend.ts");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", `import { WasmBackend } from "${module}"; ${code}`],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const text = new TextDecoder();
  assert(success, text.decode(stderr) || "it hung");
  return text.decode(stdout);
}

const RUN_ONCE = `
  const backend = new WasmBackend({ maxTokens: 4, threads: 2 });
  const [x, y] = [backend.value("x", "tokens", 1), backend.value("y", "tokens", 1)];
  const weight = backend.weight("weight", Float32Array.of(3), 1, 1);
  const bias = backend.weight("bias", Float32Array.of(1), 1, 1);
  backend.begin({ tokens: 1, starts: Uint32Array.of(0, 1) });
  backend.write(x, Float32Array.of(5));
  backend.run({ op: "linear", x, weight, bias, activation: "none", y });
  const [[result]] = await backend.read([y]);
`;

Deno.test("every chunk of every job runs once, in the order of the jobs", async () => {
  for (const count of [1, 2, 3]) {
    const { heap, threads } = open(count);
    const at = heap.take("words", 4000);
    const job = makeJob(COUNT, 1000, { at });
    for (let i = 0; i < 3; i++) await threads.run([job, job, job, job]);
    const words = new Int32Array(heap.memory.buffer, at, 1000);
    assertEquals([...words], Array.from({ length: 1000 }, (_, i) => 12 * (i + 1)));
    threads.end(new DeviceError("Cannot go on", { code: "device-error" }));
  }
});

Deno.test("a trap in a kernel is an error, now and ever after, and not a hang", async () => {
  const { heap, threads } = open(3);
  const at = heap.take("words", 4000);
  const jobs = [makeJob(COUNT, 1000, { at }), makeJob(FAIL, 1, { at: 0xfffffff0 })];
  const error = await assertRejects(() => threads.run(jobs), DeviceError, "out of bounds");
  assertEquals(error.code, "device-error");
  assertEquals(await assertRejects(() => threads.run(jobs.slice(0, 1)), DeviceError), error);
});

Deno.test("threads end when there is no work for a while, and start again", async () => {
  const { heap, threads } = open(2);
  const at = heap.take("words", 4000);
  const job = makeJob(COUNT, 10, { at });
  await threads.run([job]);
  await new Promise((resolve) => setTimeout(resolve, 2200));
  assertEquals(threads.running, false);
  await threads.run([job]);
  assertEquals(threads.running, true);
  assertEquals(new Int32Array(heap.memory.buffer, at, 3).join(), "2,4,6");
  threads.end(new DeviceError("Cannot go on", { code: "device-error" }));
});

Deno.test("a process ends by itself, with a backend destroyed or forgotten", async () => {
  const outputs = await Promise.all([
    runProcess(`${RUN_ONCE} console.log(result); backend.destroy();`),
    runProcess(`${RUN_ONCE} console.log(result);`),
    runProcess(`new WasmBackend({ threads: 2 }); console.log(16);`),
  ]);
  assertEquals(outputs.map((output) => output.trim()), ["16", "16", "16"]);
});

Deno.test("a backend works inside a worker", async () => {
  const module = import.meta.resolve("../../../lib/compute/wasm/backend.ts");
  const source = `import { WasmBackend } from "${module}"; ${RUN_ONCE}
    backend.destroy(); self.postMessage(result); self.close();`;
  const output = await runProcess(`
    const blob = new Blob([${JSON.stringify(source)}], { type: "text/javascript" });
    const worker = new Worker(URL.createObjectURL(blob), { type: "module" });
    worker.onmessage = ({ data }) => console.log(data);
  `);
  assertEquals(output.trim(), "16");
});
