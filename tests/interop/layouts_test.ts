// Adapters of other layouts as PyTorch saves them, against what PyTorch's modules compute.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openAdapter } from "../../lib/adapter/open.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { openConvertInput } from "../../lib/checkpoint/open_input.ts";
import { canonicalModule } from "../../lib/layouts/bodies.ts";
import { type BodyEntries, findAdapter, type FoundAdapter } from "../../lib/layouts/find.ts";
import { planImport } from "../../lib/layouts/import.ts";
import { joinMixture } from "../../lib/layouts/mixture.ts";
import { readValues } from "../../lib/layouts/values.ts";
import { type LayerInputs, layerUpdate } from "../../lib/merge/forward.ts";
import { readLayer } from "../../lib/merge/layer.ts";
import { assertClose } from "../_close.ts";
import { TempFolder } from "../checkpoint/_disk.ts";

type Batch = number[][][];

interface Case {
  readonly heads: number;
  readonly updates: readonly Batch[];
}

interface Cases {
  readonly inputs: Batch;
  readonly lengths: readonly number[];
  readonly cases: Readonly<Record<string, Case>>;
}

async function makeCases(folder: TempFolder): Promise<Cases> {
  const python = Deno.env.get("TINYGRAFT_PYTHON");
  assert(python, "no Python environment: run these tests with deno task test:real");
  const script = fromFileUrl(new URL("./layouts_peer.py", import.meta.url));
  const { success, stderr } = await new Deno.Command(python, { args: [script, folder.path] })
    .output();
  assert(success, `The Python peer failed: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(await Deno.readTextFile(folder.join("cases.json")));
}

/** The rows of a padded batch that are no padding. */
function valid(batch: Batch, lengths: readonly number[]): number[] {
  return batch.flatMap((rows, i) => rows.slice(0, lengths[i]!).flat());
}

function inputsOf({ inputs, lengths }: Cases): LayerInputs {
  const starts = [0];
  for (const length of lengths) starts.push(starts.at(-1)! + length);
  return { values: Float64Array.from(valid(inputs, lengths)), starts };
}

/** Each layer's canonical modules, unrounded. */
async function canonicalLayers(
  { kind, layers, hiddenSize, innerSize }: FoundAdapter,
  heads: number,
) {
  const read = async (entries: BodyEntries) => {
    const values = new Map<string, Float64Array>();
    for (const [name, entry] of entries) values.set(name, await readValues(entry, "Cannot read"));
    const sizes = { hiddenSize, numHeads: heads, headDim: innerSize / heads };
    return canonicalModule(kind, values, sizes);
  };
  return await Promise.all(layers.map((experts) => Promise.all(experts.map(read))));
}

Deno.test("planImport() gives what PyTorch's modules compute, of every layout", async () => {
  using folder = new TempFolder();
  const all = await makeCases(folder);
  const inputs = inputsOf(all);
  for (const [name, { heads, updates }] of Object.entries(all.cases)) {
    using input = await openConvertInput(folder.join(`${name}.bin`));
    const found = findAdapter(input.checkpoint.tensors, name);
    const layers = await canonicalLayers(found, heads);
    assertEquals(layers.length, updates.length, name);
    for (const [layer, experts] of layers.entries()) {
      const want = valid(updates[layer]!, all.lengths);
      const chained = { ...inputs, values: inputs.values.slice() };
      for (const expert of experts) {
        const added = layerUpdate(expert, chained);
        chained.values.forEach((value, i) => {
          chained.values[i] = value + added[i]! / experts.length;
        });
      }
      const update = chained.values.map((value, i) => value - inputs.values[i]!);
      assertClose(update, want, { atol: 1e-12, rtol: 1e-12 }, `${name}, layer ${layer}, in f64`);
    }
    const imported = await planImport(input.checkpoint, folder.join(name), {
      heads,
      base: name === "albert" ? { numHiddenLayers: 12 } : {},
    });
    assertEquals(imported.exact, name !== "mixture", name);
    await execute(imported.plan);
    using adapter = await openAdapter(folder.join(name));
    assertEquals(adapter.numLabels, 2, name);
    for (const [layer, experts] of layers.entries()) {
      const found = layerUpdate(await readLayer(adapter, layer), inputs);
      const want = layerUpdate(experts.length > 1 ? joinMixture(experts) : experts[0]!, inputs);
      const tolerance = { atol: 1e-5, rtol: 1e-5 }; // weights of F32
      assertClose(found, want, tolerance, `${name}, layer ${layer}, as stored`);
    }
  }
});
