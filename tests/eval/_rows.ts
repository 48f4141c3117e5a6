// Rows and adapters of which it is known who is right.

import { join } from "@std/path";
import { openCheckpoint, readTensor } from "../../lib/checkpoint/open.ts";
import { predictRows } from "../../lib/eval/predict.ts";
import { serialize, type TensorSpec } from "../../lib/safetensors/writer.ts";
import { ROWS, type Workspace } from "../_workspace.ts";

/** Labels the workspace's rows with what an adapter predicts, so that it is right on all. */
export async function labelBy(space: Workspace, adapter: string): Promise<void> {
  const { base, data } = space;
  const { predictions } = await predictRows({ base, adapter, data, device: "reference" });
  const lines = ROWS.map((row, i) => `${row}\t${predictions[i]!.label}`);
  await Deno.writeTextFile(data, `sentence\tlabel\n${lines.join("\n")}\n`);
}

/** Multiplies an F32 adapter's classifier in place: by a negative number it turns every answer. */
export async function scaleClassifier(adapter: string, factor: number): Promise<void> {
  const path = join(adapter, "adapter_model.safetensors");
  const bytes = await Deno.readFile(path);
  {
    using checkpoint = await openCheckpoint(path);
    const { header } = checkpoint.files[0]!;
    for (const name of ["classifier.weight", "classifier.bias"]) {
      const [begin, end] = header.tensors.get(name)!.dataOffsets;
      const values = new DataView(bytes.buffer, header.dataStart + begin, end - begin);
      for (let i = 0; i < end - begin; i += 4) {
        values.setFloat32(i, factor * values.getFloat32(i, true), true);
      }
    }
  }
  await Deno.writeFile(path, bytes);
}

/** Takes the classifier, or one of its tensors, out of an adapter folder, in place. */
export async function dropClassifier(adapter: string, prefix = "classifier."): Promise<void> {
  const path = join(adapter, "adapter_model.safetensors");
  const tensors: (TensorSpec & { data: Uint8Array })[] = [];
  {
    using checkpoint = await openCheckpoint(path);
    for (const [name, entry] of checkpoint.tensors) {
      if (name.startsWith(prefix)) continue;
      const { dtype, shape } = entry;
      tensors.push({ name, dtype, shape, data: await readTensor(entry) });
    }
  }
  await Deno.writeFile(path, serialize(tensors, new Map([["format", "pt"]])));
}
