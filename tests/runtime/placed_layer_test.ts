import { assertEquals } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { type Placement, PLACEMENT_NAMES } from "../../lib/adapter/placement.ts";
import { openCheckpoint, readFloats } from "../../lib/checkpoint/open.ts";
import { attention } from "../../lib/compute/ops/attention/reference.ts";
import { layerNorm } from "../../lib/compute/ops/layer_norm/reference.ts";
import { linear } from "../../lib/compute/ops/linear/reference.ts";
import { tinyAttention } from "../../lib/compute/ops/tiny_attention/reference.ts";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { WasmBackend } from "../../lib/compute/wasm/backend.ts";
import { packBatches } from "../../lib/runtime/batch.ts";
import { classifyRows } from "../../lib/runtime/classify.ts";
import { assertClose } from "../_close.ts";
import { makeWorkspace } from "../_workspace.ts";
import { openEncoder, randomEncodings } from "./_encoder.ts";

const [HIDDEN, INTERMEDIATE, HEADS] = [16, 24, 2];
const LENGTHS = [4, 9, 1];
const STARTS = Uint32Array.of(0, 9, 13, 14); // longest first
const TOKENS = 14;
const TOLERANCE = { atol: 2e-5, rtol: 2e-5 };

type Tensors = ReadonlyMap<string, Float32Array<ArrayBuffer>>;
type Rows = Float64Array<ArrayBuffer>;
type Block = (x: Rows) => Rows;

async function tensorsOf(folder: string): Promise<Tensors> {
  using file = await openCheckpoint(folder);
  const tensors = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, entry] of file.tensors) tensors.set(name, await readFloats(entry));
  return tensors;
}

/** A layer's blocks by definition, in f64: attention, feed-forward, and what its module adds. */
function blocksOf(base: Tensors, adapter: Tensors, layer: number) {
  const at = `encoder.layer.${layer}`;
  const get = (name: string) => (base.get(`${at}.${name}`) ?? adapter.get(`${at}.${name}`))!;
  const dense = (x: Rows, name: string, inner: number, cols: number, gelu = false) =>
    linear(
      x,
      get(`${name}.weight`),
      get(`${name}.bias`),
      { rows: TOKENS, inner, cols },
      gelu ? "gelu" : "none",
    );
  const norm = (x: Rows, residual: Rows, name: string) =>
    layerNorm(x, residual, get(`${name}.weight`), get(`${name}.bias`), 1e-12);
  const joined = (path: string, kind: string) =>
    Float64Array.from(["query", "key", "value"].flatMap((p) => [...get(`${path}.${p}.${kind}`)]));
  const A: Block = (x) => {
    const path = "attention.self";
    const shape = { rows: TOKENS, inner: HIDDEN, cols: 3 * HIDDEN };
    const qkv = linear(x, joined(path, "weight"), joined(path, "bias"), shape, "none");
    const heads = attention(qkv, STARTS, { numHeads: HEADS, headDim: HIDDEN / HEADS });
    const output = dense(heads, "attention.output.dense", HIDDEN, HIDDEN);
    return norm(output, x, "attention.output.LayerNorm");
  };
  const FF: Block = (a) => {
    const wide = dense(a, "intermediate.dense", HIDDEN, INTERMEDIATE, true);
    return norm(dense(wide, "output.dense", INTERMEDIATE, HIDDEN), a, "output.LayerNorm");
  };
  const t: Block = (x) => {
    const adapted = tinyAttention(x, STARTS, {
      normWeight: get("tiny_attn.norm.weight"),
      normBias: get("tiny_attn.norm.bias"),
      eps: 1e-5,
      qkvWeight: joined("tiny_attn", "weight"),
      qkvBias: joined("tiny_attn", "bias"),
      numHeads: 4,
      headDim: 1,
      scale: 1,
      outputWeight: get("tiny_attn.output.weight"),
      outputBias: get("tiny_attn.output.bias"),
    });
    return adapted.map((value, i) => value - x[i]!);
  };
  return { A, FF, t };
}

const plus = (a: Rows, b: Rows) => a.map((value, i) => value + b[i]!);

/** What a layer gives, as the authors write it. */
const LAYERS = new Map<Placement, (x: Rows, blocks: Record<"A" | "FF" | "t", Block>) => Rows>([
  ["after_attention", (x, { A, FF, t }) => FF(plus(A(x), t(A(x))))],
  ["parallel_feed_forward", (x, { A, FF, t }) => plus(FF(A(x)), t(A(x)))],
  ["parallel_attention", (x, { A, FF, t }) => FF(plus(A(x), t(x)))],
  ["parallel_layer", (x, { A, FF, t }) => plus(FF(A(x)), t(x))],
]);

for (const placement of PLACEMENT_NAMES) {
  Deno.test(`runLayer() gives what the definition of ${placement} does`, async () => {
    await using space = await makeWorkspace(
      { hidden: HIDDEN, heads: HEADS, intermediate: INTERMEDIATE },
      { hidden: HIDDEN, scale: 0.5, config: { placement } },
    );
    const [base, adapter] = [
      await tensorsOf(space.base),
      await tensorsOf(`${space.adapter}/adapter_model.safetensors`),
    ];
    const encodings = randomEncodings(LENGTHS, 20);
    const [batch] = packBatches(encodings, { maxTokens: 64, maxSequences: 8 });
    assertEquals(batch!.starts, STARTS);
    const backend = new ReferenceBackend({ maxTokens: 64 });
    const encoder = await openEncoder(backend, space.base, [{ location: space.adapter }]);
    let states: Rows = new Float64Array();
    await encoder.record(batch!, async (stage, value) => {
      const [found] = await backend.read([value]);
      if (stage === "embeddings") states = Float64Array.from(found!);
      const [, layer] = /^layer\.(\d)\.output$/.exec(stage) ?? [];
      if (layer === undefined) return;
      states = LAYERS.get(placement)!(states, blocksOf(base, adapter, Number(layer)));
      assertClose(found!, states, TOLERANCE, stage);
    });
    const [observed] = await encoder.read();
    // Alone, with the base and another variant beside it, and on another backend: the same logits.
    const wasm = new WasmBackend({ threads: 1, maxTokens: 64 });
    const variants = [{ location: space.adapter }, {
      location: space.adapter,
      classifierOnly: true,
    }];
    for (
      const [each, asked] of [[backend, [variants[0]!]], [backend, variants], [
        wasm,
        variants,
      ]] as const
    ) {
      const { variants: [found] } = await classifyRows(
        await openEncoder(each, space.base, asked),
        encodings,
      );
      const want = batch!.indices.map((_, i) => batch!.indices.indexOf(i))
        .flatMap((row) => [...observed!.subarray(2 * row, 2 * row + 2)]);
      assertClose(found!.logits, want, TOLERANCE, `logits on ${each.name}`);
    }
    backend.destroy();
    wasm.destroy();
  });
}

Deno.test("openAdapter() names the places that it knows where another is asked for", async () => {
  await using space = await makeWorkspace({}, { config: { placement: "seq" } });
  let message = "";
  await openAdapter(space.adapter).catch((error) => message = error.message);
  for (const name of PLACEMENT_NAMES) assertEquals([name, message.includes(name)], [name, true]);
});
