import { assertEquals, assertRejects } from "@std/assert";
import { execute } from "../../lib/checkpoint/execute.ts";
import { openCheckpoint, readTensor } from "../../lib/checkpoint/open.ts";
import { describePlan, type TensorStep } from "../../lib/checkpoint/plan.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { TempFolder } from "./_disk.ts";
import { filePlan } from "./_plans.ts";

function streamStep(byteLength: number, pieces: Iterable<Uint8Array>): TensorStep {
  const chunks = async function* () {
    yield* pieces;
  };
  return { kind: "stream", name: "w", dtype: "U8", shape: [byteLength], chunks, origin: "made" };
}

Deno.test("execute() writes a stream's chunks in order, though they share one buffer", async () => {
  using folder = new TempFolder();
  const shared = new Uint8Array(2);
  function* pieces() {
    for (let i = 0; i < 3; i++) yield shared.fill(i);
    yield new Uint8Array(0);
  }
  const plan = filePlan(folder.join("out.safetensors"), [streamStep(6, pieces())]);
  assertEquals(describePlan(plan).files[0]?.tensors?.[0]?.from, "made");
  await execute(plan);
  using copy = await openCheckpoint(folder.join("out.safetensors"));
  assertEquals([...await readTensor(copy.tensors.get("w")!)], [0, 0, 1, 1, 2, 2]);
});

for (const [what, length] of [["short", 3], ["long", 5]] as const) {
  Deno.test(`execute() refuses a stream that is too ${what}, and leaves nothing`, async () => {
    using folder = new TempFolder();
    const step = streamStep(4, [new Uint8Array(1), new Uint8Array(length - 1)]);
    const plan = filePlan(folder.join("out.safetensors"), [step]);
    const error = await assertRejects(() => execute(plan), TinygraftError);
    assertEquals([error.code, error.tensor], ["invalid-tensor-view", "w"]);
    assertEquals(folder.snapshot(), {});
  });
}

Deno.test("execute() ends a stream that is cut off, and passes on what it throws", async () => {
  using folder = new TempFolder();
  let isEnded = false;
  function* endless() {
    try {
      while (true) yield new Uint8Array(3);
    } finally {
      isEnded = true;
    }
  }
  const plan = filePlan(folder.join("out.safetensors"), [streamStep(4, endless())]);
  await assertRejects(() => execute(plan), TinygraftError);
  assertEquals(isEnded, true);
  function* failing() {
    yield new Uint8Array(1);
    throw new RangeError("stop");
  }
  const broken = filePlan(folder.join("out.safetensors"), [streamStep(4, failing())]);
  await assertRejects(() => execute(broken), RangeError, "stop");
  assertEquals(folder.snapshot(), {});
});
