/**
 * Deliberate small faults that the tests must catch, one line of code each.
 *
 * @module
 */

import type { Mutant } from "./mutant.ts";
import { TRAINING } from "./mutants_training.ts";

/** Bytes, offsets and what is told about them. */
const FORMAT: readonly Mutant[] = [
  {
    name: "the header's length is written one byte too short",
    file: "lib/safetensors/writer.ts",
    from: "Math.ceil(json.byteLength / 8) * 8",
    to: "json.byteLength",
    tests: ["tests/safetensors/writer_test.ts"],
  },
  {
    name: "a tensor begins one byte late",
    file: "lib/safetensors/writer.ts",
    from: "const begin = end;",
    to: "const begin = end + 1;",
    tests: ["tests/safetensors/round_trip_test.ts"],
  },
  {
    name: "tensors are written by name alone, not by alignment",
    file: "lib/safetensors/writer.ts",
    from: "DTYPES[b.dtype].rank - DTYPES[a.dtype].rank || compareUtf8",
    to: "compareUtf8",
    tests: ["tests/safetensors/writer_test.ts"],
  },
  {
    name: "names are ordered by UTF-16 instead of UTF-8",
    file: "lib/safetensors/writer.ts",
    from: "? unit + 0x10000 : unit",
    to: "? unit : unit",
    tests: ["tests/safetensors/writer_test.ts"],
  },
  {
    name: "the data section begins at the header's length",
    file: "lib/safetensors/reader.ts",
    from: "const dataStart = 8 + headerLength;",
    to: "const dataStart = headerLength;",
    tests: ["tests/safetensors/reader_test.ts"],
  },
  {
    name: "overlapping tensors pass",
    file: "lib/safetensors/check_layout.ts",
    from: "(begin !== next || end < begin)",
    to: "(begin > next || end < begin)",
    tests: ["tests/safetensors/reader_test.ts"],
  },
  {
    name: "bytes behind the last tensor pass",
    file: "lib/safetensors/check_layout.ts",
    from: "isComplete && next !== dataLength",
    to: "isComplete && next > dataLength",
    tests: ["tests/safetensors/reader_test.ts"],
  },
  {
    name: "a shard may lie in another folder",
    file: "lib/safetensors/shard_index.ts",
    from: '!name.includes("..") && ',
    to: "",
    tests: ["tests/safetensors/shard_index_test.ts"],
  },
  {
    name: "a slice begins where its source does",
    file: "lib/tensor/slice_source.ts",
    from: "this.#begin + begin, target",
    to: "begin, target",
    tests: ["tests/tensor/slice_source_test.ts"],
  },
  {
    name: "bfloat16 is cut instead of rounded to even",
    file: "lib/tensor/half.ts",
    from: "(word + 0x7fff + ((word >>> 16) & 1)) >>> 16",
    to: "word >>> 16",
    tests: ["tests/tensor/half_test.ts"],
  },
  {
    name: "bfloat16 rounds ties up",
    file: "lib/tensor/half.ts",
    from: "word + 0x7fff + ((word >>> 16) & 1)",
    to: "word + 0x8000",
    tests: ["tests/tensor/half_test.ts"],
  },
  {
    name: "the exponent of small 8-bit floats is one off",
    file: "lib/tensor/float8.ts",
    from: "sign * fraction * 2 ** (1 - bias)",
    to: "sign * fraction * 2 ** -bias",
    tests: ["tests/tensor/float8_test.ts"],
  },
  {
    name: "strides of C order are those of Fortran's",
    file: "lib/tensor/strided.ts",
    from: 'order === "C" ? shape.length - 1 - i : i',
    to: 'order === "F" ? shape.length - 1 - i : i',
    tests: ["tests/tensor/strided_test.ts", "tests/npz/npy_test.ts"],
  },
  {
    name: "a shard may be larger than its limit",
    file: "lib/checkpoint/shards.ts",
    from: "if (used + bytes > limit) {",
    to: "if (used > limit) {",
    tests: ["tests/checkpoint/shards_test.ts"],
  },
  {
    name: "a wrong checksum in an archive passes",
    file: "lib/zip/inflate.ts",
    from: "if (this.#checksum !== this.#member.crc32) throw",
    to: "if (this.#checksum === undefined) throw",
    tests: ["tests/zip/archive_test.ts"],
  },
];

/** What modules compute, and what merging makes of them. */
const MATHEMATICS: readonly Mutant[] = [
  {
    name: "attention is not scaled by the head's width",
    file: "lib/merge/forward.ts",
    from: "score / Math.sqrt(headDim)",
    to: "score",
    tests: ["tests/merge/forward_test.ts"],
  },
  {
    name: "a token attends to another sequence",
    file: "lib/merge/forward.ts",
    from: "key[(begin + other) * width + i]",
    to: "key[other * width + i]",
    tests: ["tests/merge/forward_test.ts"],
  },
  {
    name: "the mean of heads is their sum",
    file: "lib/merge/forward.ts",
    from: 'combine === "mean" ? 1 / numHeads : 1',
    to: 'combine === "mean" ? 1 : 1',
    tests: ["tests/merge/forward_test.ts"],
  },
  {
    name: "folding forgets the LayerNorm's bias",
    file: "lib/merge/fold.ts",
    from: "sum += weight[row * hiddenSize + i]! * normBias[i]!",
    to: "sum += weight[row * hiddenSize + i]! * 0",
    tests: ["tests/merge/fold_test.ts"],
  },
  {
    name: "folding does not scale the value's bias",
    file: "lib/merge/fold.ts",
    from: "return bias + scale * moved",
    to: "return bias + moved",
    tests: ["tests/merge/fold_test.ts"],
  },
  {
    name: "one head for a group of summed heads gives their mean",
    file: "lib/merge/heads.ts",
    from: "? group.length\n",
    to: "? 1\n",
    tests: ["tests/merge/average_test.ts", "tests/merge/heads_test.ts"],
  },
  {
    name: "the mean of products ignores weights",
    file: "lib/merge/product.ts",
    from: "(entry * weights[i]!) / total",
    to: "entry / pairs.length",
    tests: ["tests/merge/product_test.ts", "tests/merge/soup_test.ts"],
  },
  {
    name: "heads are rotated the wrong way",
    file: "lib/merge/align.ts",
    from: "right: multiply(rotation, right, rows)",
    to: "right",
    tests: ["tests/merge/aligned_test.ts"],
  },
  {
    name: "the largest head is the smallest",
    file: "lib/merge/align.ts",
    from: "norms.indexOf(Math.max(...norms))",
    to: "norms.indexOf(Math.min(...norms))",
    tests: ["tests/merge/aligned_test.ts"],
  },
  {
    name: "merged weights that do not fit their dtype pass",
    file: "lib/merge/store.ts",
    from: "if (stray >= 0) {",
    to: "if (stray > stored.length) {",
    tests: ["tests/merge/merge_adapter_test.ts", "tests/merge/methods_test.ts"],
  },
  {
    name: "LayerNorm divides by one less, as a sample's variance",
    file: "lib/compute/ops/layer_norm/reference.ts",
    from: "Math.sqrt(squares / cols + eps)",
    to: "Math.sqrt(squares / (cols - 1) + eps)",
    tests: ["tests/compute/ops/layer_norm_test.ts"],
  },
  {
    name: "LayerNorm leaves the residual out",
    file: "lib/compute/ops/layer_norm/reference.ts",
    from: "y[i]! += residual[i]!",
    to: "y[i]! += 0",
    tests: ["tests/compute/ops/layer_norm_test.ts"],
  },
  {
    name: "the last odd column of a linear layer takes its neighbour's bias",
    file: "lib/compute/ops/linear/reference.ts",
    from: "y01 + bias[n + 1]!",
    to: "y01 + bias[n]!",
    tests: ["tests/compute/ops/linear_test.ts"],
  },
  {
    name: "GELU is its approximation by tanh",
    file: "lib/compute/ops/linear/reference.ts",
    from: "0.5 * x * (1 + erf(x / Math.SQRT2))",
    to: "geluTanh(x)",
    tests: ["tests/compute/ops/activation_test.ts", "tests/compute/ops/linear_test.ts"],
  },
  {
    name: "GELU's slope leaves out how its density moves",
    file: "lib/compute/ops/activation/reference.ts",
    from: "x * Math.exp(-x * x / 2)",
    to: "0 * Math.exp(-x * x / 2)",
    tests: ["tests/compute/ops/activation_slope_test.ts"],
  },
  {
    name: "a layer on WebAssembly forgets its residual",
    file: "lib/compute/ops/linear/wasm.ts",
    from: "makeJob(LINEAR_ADDED, chunks,",
    to: "makeJob(LINEAR.none, chunks,",
    tests: ["tests/compute/wasm/ops_test.ts"],
  },
];

/** Texts and metrics. */
const EVALUATION: readonly Mutant[] = [
  {
    name: "texts are cut to one token more than there is room",
    file: "lib/text/truncate.ts",
    from: "if (first + second <= room)",
    to: "if (first + second <= room + 1)",
    tests: ["tests/text/truncate_test.ts"],
  },
  {
    name: "the shorter of two texts is cut first",
    file: "lib/text/truncate.ts",
    from: "const swapped = first > second;",
    to: "const swapped = first < second;",
    tests: ["tests/text/truncate_test.ts"],
  },
  {
    name: "a task's labels are taken in the classifier's order",
    file: "lib/text/labels.ts",
    from: "indices.set(same, i);",
    to: "indices.set(same, known.indexOf(same));",
    tests: ["tests/text/labels_test.ts"],
  },
  {
    name: "RoBERTa's pair has one separator",
    file: "lib/text/template.ts",
    from: "classicTemplate(entry, { separators: 2",
    to: "classicTemplate(entry, { separators: 1",
    tests: ["tests/text/template_test.ts"],
  },
  {
    name: "positions count on from the sequence before",
    file: "lib/runtime/batch.ts",
    from: "positions[token] = token - start",
    to: "positions[token] = token",
    tests: ["tests/runtime/batch_test.ts"],
  },
  {
    name: "the last of equal logits wins",
    file: "lib/eval/metrics.ts",
    from: "if (logit > logits[row * cols + best]!)",
    to: "if (logit >= logits[row * cols + best]!)",
    tests: ["tests/eval/metrics_test.ts"],
  },
  {
    name: "NaN is classified",
    file: "lib/eval/metrics.ts",
    from: "if (Number.isFinite(logit)) return logit;",
    to: "if (logit !== undefined) return logit;",
    tests: ["tests/eval/metrics_test.ts"],
  },
  {
    name: "false positives and false negatives change places",
    file: "lib/eval/metrics.ts",
    from: "(tp * tn - fp * fn) / denominator",
    to: "(tp * tn - fp * fp) / denominator",
    tests: ["tests/eval/metrics_test.ts"],
  },
  {
    name: "F1 counts hits once",
    file: "lib/eval/metrics.ts",
    from: "(2 * truePositive) / denominator",
    to: "truePositive / denominator",
    tests: ["tests/eval/metrics_test.ts"],
  },
  {
    name: "McNemar's test is one-sided",
    file: "lib/eval/significance.ts",
    from: "Math.min(1, 2 * fairCoinTail",
    to: "Math.min(1, fairCoinTail",
    tests: ["tests/eval/significance_test.ts"],
  },
  {
    name: "the interval of a drop has the wrong sign",
    file: "lib/eval/significance.ts",
    from: "(counts[2]! - counts[1]!) / right.length",
    to: "(counts[1]! - counts[2]!) / right.length",
    tests: ["tests/eval/significance_test.ts"],
  },
  {
    name: "the interval is of 90 percent",
    file: "lib/eval/significance.ts",
    from: "quantile(drops, 0.025)",
    to: "quantile(drops, 0.05)",
    tests: ["tests/eval/significance_test.ts"],
  },
];

/** Errors that nobody would hear of. */
const SWALLOWED: readonly Mutant[] = [
  {
    name: "an input that changes while it is read passes",
    file: "lib/checkpoint/execute.ts",
    from: "    inputs.assertUnchanged();\n",
    to: "",
    tests: ["tests/checkpoint/failure_test.ts", "tests/checkpoint/execute_test.ts"],
  },
  {
    name: "what failed leaves its staged files",
    file: "lib/checkpoint/execute.ts",
    from: "    removeTree(staged);\n    throwIfAborted",
    to: "    throwIfAborted",
    tests: ["tests/checkpoint/failure_test.ts", "tests/checkpoint/execute_test.ts"],
  },
  {
    name: "a broken connection is the end of the file",
    file: "lib/remote/body.ts",
    from: 'throw fail("the connection broke off");',
    to: "return undefined;",
    tests: ["tests/remote/http_source_test.ts", "tests/remote/failures_test.ts"],
  },
  {
    name: "a request is tried once more than there are waits",
    file: "lib/remote/retry.ts",
    from: "|| usual === undefined) throw error",
    to: "|| tries > WAITS.length) throw error",
    tests: ["tests/remote/retry_test.ts"],
  },
  {
    name: "a download with a wrong checksum is right",
    file: "lib/hub/digest.ts",
    from: "known === undefined || found === known",
    to: "known === undefined || found !== undefined",
    tests: ["tests/hub/download_test.ts", "tests/hub/pull_test.ts"],
  },
];

/** Every fault, in the order in which they are tried. */
export const MUTANTS: readonly Mutant[] = [
  ...FORMAT,
  ...MATHEMATICS,
  ...EVALUATION,
  ...TRAINING,
  ...SWALLOWED,
];
