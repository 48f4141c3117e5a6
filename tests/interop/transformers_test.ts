// transformers loads what we write, and its forward pass is ours.

import { assertEquals } from "@std/assert";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { packBatches } from "../../lib/runtime/batch.ts";
import { assertClose } from "../_close.ts";
import { runCaptured } from "../_io.ts";
import { makeWorkspace } from "../_workspace.ts";
import { openEncoder, randomEncodings } from "../runtime/_encoder.ts";
import { askPython } from "./_python.ts";

/** What transformers says of one folder. */
interface Loaded {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly dtype: string;
  readonly states: readonly (readonly number[])[];
}

const LENGTHS = [6, 1, 40];

/** F32 sums on one side, f64 on the other, through two layers of 64. */
const TOLERANCE = { atol: 2e-5, rtol: 2e-5 };

async function loadInPython(
  folders: readonly string[],
  encodings: ReturnType<typeof randomEncodings>,
): Promise<Loaded[]> {
  const job = {
    folders,
    "input_ids": encodings.map(({ ids }) => [...ids]),
    "token_type_ids": encodings.map(({ typeIds }) => [...typeIds]),
  };
  return await askPython("transformers_peer.py", job) as Loaded[];
}

/** The base's last hidden states by the f64 reference, one array a sequence. */
async function ourStates(
  base: string,
  adapter: string,
  encodings: Parameters<typeof packBatches>[0],
) {
  const backend = new ReferenceBackend();
  const encoder = await openEncoder(backend, base, [{ location: adapter, classifierOnly: true }]);
  const states: Float32Array[] = [];
  for (const batch of packBatches(encodings, { maxTokens: 256, maxSequences: 1 })) {
    await encoder.record(batch, async (stage, value) => {
      if (stage !== "layer.1.output") return;
      states[batch.indices[0]!] = (await backend.read([value]))[0]!;
    });
  }
  backend.destroy();
  return states;
}

Deno.test("transformers loads injected and converted checkpoints and computes what we compute", async () => {
  await using space = await makeWorkspace({ sharded: true });
  const at = (name: string) => space.at(name);
  const graft = ["inject", space.base, "", "--adapter", space.adapter];
  const commands = [
    graft.with(2, at("rewritten")),
    [...graft.with(2, at("sharded")), "--as", "shard"],
    ["extract", at("rewritten"), at("back"), "--strip", at("stripped")],
    ["convert", space.base, at("joined")],
    ["convert", space.base, at("resharded"), "--max-shard-size", "100KB"],
    ["convert", space.base, at("half"), "--dtype", "BF16"],
  ];
  for (const argv of commands) {
    const { code, err } = await runCaptured(argv);
    assertEquals(code, 0, `${argv.join(" ")}: ${err}`);
  }
  const names = ["base", "rewritten", "sharded", "stripped", "joined", "resharded", "half"];
  const encodings = randomEncodings(LENGTHS, 100);
  const loaded = await loadInPython(names.map(at), encodings);
  const want = await ourStates(space.base, space.adapter, encodings);
  for (const [index, { missing, unexpected, dtype, states }] of loaded.entries()) {
    const name = names[index]!;
    assertEquals(missing, [], name);
    const grafted = name === "rewritten" || name === "sharded";
    const added = unexpected.filter((key) => /tiny_attn|^classifier\./.test(key));
    assertEquals(added.length, grafted ? 22 : 0, name);
    assertEquals(dtype, name === "half" ? "torch.bfloat16" : "torch.float32", name);
    if (name === "half") continue; // rounded weights compute something else
    for (const [row, values] of want.entries()) {
      assertClose(states[row]!, values, TOLERANCE, `${name}, row ${row}`);
    }
  }
});
