import { assertEquals, assertRejects } from "@std/assert";
import { openCheckpoint } from "../../lib/checkpoint/open.ts";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { makeWorkspace } from "../_workspace.ts";
import { openEncoder } from "./_encoder.ts";

/** Overwrites the first element of an F32 tensor. */
async function poke(path: string, tensor: string, value: number): Promise<void> {
  using checkpoint = await openCheckpoint(path);
  const { header } = checkpoint.files[0]!;
  const [begin] = header.tensors.get(tensor)!.dataOffsets;
  const bytes = await Deno.readFile(path);
  new DataView(bytes.buffer).setFloat32(header.dataStart + begin, value, true);
  await Deno.writeFile(path, bytes);
}

for (const value of [NaN, Infinity]) {
  Deno.test(`loadEncoder() and loadAdapter() name a tensor that holds ${value}`, async () => {
    await using space = await makeWorkspace();
    const open = async () => {
      const backend = new ReferenceBackend();
      try {
        await openEncoder(backend, space.base, [{ location: space.adapter }]);
      } finally {
        backend.destroy();
      }
    };
    const adapterTensor = "encoder.layer.1.tiny_attn.key.weight";
    await poke(`${space.adapter}/adapter_model.safetensors`, adapterTensor, value);
    const inAdapter = await assertRejects(open, TinygraftError, String(value));
    assertEquals([inAdapter.code, inAdapter.tensor], ["non-finite", adapterTensor]);
    const baseTensor = "encoder.layer.0.output.dense.weight";
    await poke(`${space.base}/model.safetensors`, baseTensor, value);
    const inBase = await assertRejects(open, TinygraftError, String(value));
    assertEquals([inBase.code, inBase.tensor], ["non-finite", baseTensor]);
  });
}
