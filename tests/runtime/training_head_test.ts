import { assertThrows } from "@std/assert";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { Head } from "../../lib/runtime/head.ts";
import { loadMaskedLmHead, loadTransposedHead } from "../../lib/runtime/load_head.ts";
import { FrozenHead } from "../../lib/runtime/training_head.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";
import { FOLDER } from "./_architectures.ts";

/** ELECTRA's head, whose width is not that of the hidden states, on two sequences. */
async function open() {
  using base = await openModel(`${FOLDER}electra`);
  const { checkpoint, model } = base;
  const backend = new ReferenceBackend({ maxTokens: 4 });
  const { hiddenSize, layerNormEps } = model.config;
  const head = await loadMaskedLmHead(checkpoint, model, backend, [5, 299, 17]);
  const transposed = await loadTransposedHead(checkpoint, model, backend, [5, 299, 17]);
  const options = { backend, head, transposed, layerNormEps, passes: 2 };
  const input = backend.value("input", "sequences", hiddenSize);
  const back = backend.value("back", "sequences", hiddenSize);
  backend.begin({ tokens: 2, starts: Uint32Array.of(0, 1, 2) });
  return { backend, options, input, back, hiddenSize };
}

Deno.test("FrozenHead gives a head's outputs, and their gradient at each hidden state", async () => {
  const { backend, options, input, back, hiddenSize } = await open();
  const frozen = new FrozenHead(options);
  const plain = new Head(backend, options.head, { label: "plain", ...options });
  const states = noise(2 * hiddenSize, { seed: 1 });
  const slopes = Float32Array.from([0.5, -1, 2, 0, 1, -0.25]);
  const run = async (values: Float32Array) => {
    backend.write(input, values);
    plain.record(input);
    const [outputs, wanted] = await backend.read([frozen.forward(1, input), plain.logits]);
    assertClose(outputs!, wanted!, { atol: 1e-6, rtol: 1e-6 });
    return outputs!.reduce((sum, output, i) => sum + slopes[i]! * output, 0);
  };
  await run(states);
  frozen.forward(0, input); // the other pass keeps its own
  frozen.backward(1, slopes, back);
  const [gradient] = await backend.read([back]);
  const reach = 0.01;
  for (const at of [0, 3, hiddenSize - 1, hiddenSize, 2 * hiddenSize - 1]) {
    const moved = (by: number) => states.map((value, i) => i === at ? value + by : value);
    const slope = (await run(moved(reach)) - await run(moved(-reach))) / (2 * reach);
    assertClose([gradient![at]!], [slope], { atol: 1e-4, rtol: 1e-3 }, `state ${at}`);
  }
  backend.destroy();
});

Deno.test("FrozenHead refuses a classifier, which has no dense layer", async () => {
  const { backend, options } = await open();
  const { classifier, numLabels } = options.head;
  const head = { classifier, numLabels };
  assertThrows(() => new FrozenHead({ ...options, head }), TypeError, "without a LayerNorm");
  backend.destroy();
});
