// Archives of arrays that NumPy itself writes.

import { assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openForeign } from "../../lib/checkpoint/foreign.ts";
import { readTensor } from "../../lib/checkpoint/open.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { TempFolder } from "../checkpoint/_disk.ts";

type Expected = Record<string, [dtype: string, shape: number[], data: string]>;

Deno.test("openForeign() reads what NumPy writes, in every dtype, order and layout", async () => {
  const python = Deno.env.get("TINYGRAFT_PYTHON");
  if (!python) {
    throw new Error("TINYGRAFT_PYTHON is not set: run `deno task test:real`, which sets it up");
  }
  using folder = new TempFolder();
  const script = fromFileUrl(new URL("./npz_peer.py", import.meta.url));
  const { success, stderr } = await new Deno.Command(python, { args: [script, folder.path] })
    .output();
  if (!success) throw new Error(`The Python peer failed: ${new TextDecoder().decode(stderr)}`);
  const expected: Expected = JSON.parse(await Deno.readTextFile(folder.join("expected.json")));
  for (const file of ["plain.npz", "compressed.npz"]) {
    using checkpoint = (await openForeign(folder.join(file)))!;
    assertEquals(new Set(checkpoint.tensors.keys()), new Set(Object.keys(expected)));
    for (const [name, entry] of checkpoint.tensors) {
      const [dtype, shape, data] = expected[name]!;
      assertEquals([entry.dtype, entry.shape], [dtype, shape], name);
      const bytes = await readTensor(entry);
      if (bytes.toBase64() !== data) throw new Error(`${file}: ${name} has other bytes`);
    }
  }
  for (const file of ["objects.npz", "text.npz"]) {
    const error = await assertRejects(() => openForeign(folder.join(file)), TinygraftError);
    assertEquals(error.code, "unsupported-dtype");
  }
});
