// transformers.js. Usage: node transformers_peer.mjs BASE DATA TASK ROUNDS MODEL_FOLDER...
// A model folder holds config.json and onnx/model.onnx.

import { basename, dirname } from "node:path";
import { countCorrect, makeBatches, readRows } from "./rows.mjs";

// Named at run time: it lies beside the copy of this script that Node runs, not in this project.
const transformers = "@huggingface/transformers";
const { AutoModelForSequenceClassification, AutoTokenizer, env } = await import(transformers);

const [base, data, task, rounds, ...models] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = dirname(base);
const rows = readRows(data, task);
const batches = makeBatches(await AutoTokenizer.from_pretrained(basename(base)), rows);
const correct = [];
let forward = Infinity;
for (const folder of models) {
  env.localModelPath = dirname(folder);
  const model = await AutoModelForSequenceClassification.from_pretrained(basename(folder), {
    dtype: "fp32",
  });
  let right = 0;
  for (let round = 0; round < Number(rounds); round++) {
    right = 0;
    const started = performance.now();
    for (const { labels, inputs } of batches) {
      const { logits } = await model(inputs);
      right += countCorrect(logits.data, labels);
    }
    forward = Math.min(forward, (performance.now() - started) / 1000);
  }
  correct.push(right);
}
console.log(JSON.stringify({ examples: rows.length, correct, forward }));
process.exit(0);
