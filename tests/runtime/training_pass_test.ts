import { assert, assertEquals, assertThrows } from "@std/assert";
import { WasmBackend } from "../../lib/compute/wasm/backend.ts";
import { packBatches } from "../../lib/runtime/batch.ts";
import { freeTrainingModule, placeTrainingModule } from "../../lib/runtime/training_module.ts";
import { TrainingPass } from "../../lib/runtime/training_pass.ts";
import { trainingBytesPerToken } from "../../lib/runtime/training_values.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";
import { makeWorkspace } from "../_workspace.ts";
import { openParts } from "../train/_parts.ts";
import { openEncoder, randomEncodings } from "./_encoder.ts";

const HIDDEN = 16;
const SIZES = { hidden: HIDDEN, heads: 2, intermediate: 24 };

Deno.test("TrainingPass computes what the encoder computes", async () => {
  await using workspace = await makeWorkspace(SIZES, { hidden: HIDDEN, combine: "mean" });
  const backend = new WasmBackend({ threads: 1, maxTokens: 64 });
  const { parts, adapter } = await openParts(backend, workspace.base, workspace.adapter);
  const [batch] = packBatches(randomEncodings([4, 9, 1], 20), {
    maxTokens: 64,
    maxSequences: 8,
  });
  const encoder = await openEncoder(backend, workspace.base, [{ location: workspace.adapter }]);
  await encoder.record(batch!);
  const [logits] = await encoder.read();
  const pass = new TrainingPass({ ...parts, widths: [4, 4], passes: 1 });
  const modules = [0, 1].map((i) =>
    placeTrainingModule(backend, `module ${i}`, adapter.moduleArrays(i, "all"), 4)
  );
  pass.begin(batch!);
  const [hidden] = await backend.read([pass.forward(0, { modules, eps: 1e-5 })]);
  const { weight, bias } = adapter.classifier;
  const want = Float32Array.from(logits!, (_, i) => {
    const [row, label] = [Math.floor(i / 2), i % 2];
    let sum = bias.values[label]!;
    for (let k = 0; k < HIDDEN; k++) {
      sum += hidden![row * HIDDEN + k]! * weight.values[label * HIDDEN + k]!;
    }
    return sum;
  });
  assertClose(logits!, want, { atol: 1e-5, rtol: 1e-5 });
  backend.destroy();
});

Deno.test("TrainingPass gives back all that it took, and says how much a token takes", async () => {
  await using workspace = await makeWorkspace(SIZES, { hidden: HIDDEN });
  const backend = new WasmBackend({ threads: 1, maxTokens: 64 });
  const { parts, adapter } = await openParts(backend, workspace.base, workspace.adapter);
  const taken = () => backend.takenBytes;
  const encodings = randomEncodings([4, 9], 20);
  const [batch] = packBatches(encodings, { maxTokens: 64, maxSequences: 8 });
  const runOnce = async () => {
    const pass = new TrainingPass({ ...parts, widths: [4, 4], passes: 2 });
    const modules = [0, 1].map((i) =>
      placeTrainingModule(backend, `module ${i}`, adapter.moduleArrays(i, "all"), 4)
    );
    pass.begin(batch!);
    const own = { modules, eps: 1e-5 };
    for (const slot of [0, 1]) pass.forward(slot, own);
    for (const slot of [0, 1]) pass.backward(slot, own, noise(2 * HIDDEN, { seed: 1 }));
    const [first, second] = await pass.readGradients(2);
    assertEquals(first, second); // the same modules, the same gradient: the same bits
    const { bytesPerToken } = pass;
    for (const module of modules) freeTrainingModule(backend, module);
    pass.free();
    return bytesPerToken;
  };
  await runOnce(); // leaves the backend's own room for temporaries behind
  const before = taken();
  const bytes = await runOnce();
  assertEquals(taken(), before);
  const estimate = trainingBytesPerToken(parts.weights.config, 2);
  assert(bytes > 0.8 * estimate && bytes < 1.2 * estimate, `${bytes}, estimated ${estimate}`);
  backend.destroy();
});

Deno.test("TrainingPass refuses to run before a batch is begun", async () => {
  await using workspace = await makeWorkspace(SIZES, { hidden: HIDDEN });
  const backend = new WasmBackend({ threads: 1, maxTokens: 16 });
  const { parts, adapter } = await openParts(backend, workspace.base, workspace.adapter);
  const pass = new TrainingPass({ ...parts, widths: [4, 4], passes: 1 });
  const modules = [0, 1].map((i) =>
    placeTrainingModule(backend, `module ${i}`, adapter.moduleArrays(i, "all"), 4)
  );
  assertThrows(() => pass.forward(0, { modules, eps: 1e-5 }), TypeError, "begin()");
  backend.destroy();
});
