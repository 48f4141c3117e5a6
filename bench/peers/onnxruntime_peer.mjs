// onnxruntime for Node or the web, here in Node on WebAssembly.
// Usage: node onnxruntime_peer.mjs onnxruntime-node|onnxruntime-web BASE DATA TASK ROUNDS MODEL...

import { basename, dirname } from "node:path";
import { cpus } from "node:os";
import { countCorrect, makeBatches, readRows } from "./rows.mjs";

// Named at run time: it lies beside the copy of this script that Node runs, not in this project.
const transformers = "@huggingface/transformers";
const { AutoTokenizer, env } = await import(transformers);

const [library, base, data, task, rounds, ...models] = process.argv.slice(2);
const { InferenceSession, Tensor, env: runtime } = await import(library);
if (library === "onnxruntime-web") runtime.wasm.numThreads = cpus().length;
env.allowRemoteModels = false;
env.localModelPath = dirname(base);
const rows = readRows(data, task);
const batches = makeBatches(await AutoTokenizer.from_pretrained(basename(base)), rows);
const correct = [];
let forward = Infinity;
for (const path of models) {
  const session = await InferenceSession.create(path);
  let right = 0;
  for (let round = 0; round < Number(rounds); round++) {
    right = 0;
    const started = performance.now();
    for (const { labels, inputs } of batches) {
      const feeds = {};
      for (const name of ["input_ids", "attention_mask", "token_type_ids"]) {
        feeds[name] = new Tensor("int64", inputs[name].data, inputs[name].dims);
      }
      const { logits } = await session.run(feeds);
      right += countCorrect(logits.data, labels);
    }
    forward = Math.min(forward, (performance.now() - started) / 1000);
  }
  correct.push(right);
}
console.log(JSON.stringify({ examples: rows.length, correct, forward }));
process.exit(0);
