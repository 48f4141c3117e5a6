import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { concat } from "../zip/_zip.ts";
import { dict, int, pytorchZip, storage, tensor } from "../pytorch/_pickle.ts";
import { runCaptured, runJson } from "../_io.ts";
import { snapshot } from "../_workspace.ts";
import { contents } from "../adapter/_folders.ts";
import { type FileTensor, moduleTensors, robertaTensors, writeTensors } from "../layouts/_files.ts";
import { withFolder } from "../merge/_adapters.ts";

/** Saves tensors as the authors' trainer does: a state dict, the epoch and the best metric. */
async function writePickle(path: string, tensors: readonly FileTensor[]): Promise<void> {
  let offset = 0;
  const entries = tensors.map(({ name, shape, values }) => {
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
    const from = storage(
      "FloatStorage",
      "0",
      tensors.reduce((sum, it) => sum + it.values.length, 0),
    );
    const piece = tensor(from, { offset, shape, strides });
    offset += values.length;
    return [name, piece] as const;
  });
  const data = concat(
    ...tensors.map(({ values }) => new Uint8Array(Float32Array.from(values).buffer)),
  );
  const root = dict({
    "state_dict": dict(Object.fromEntries(entries)),
    epoch: int(3),
    "max_dev_metric": int(1),
  });
  await Deno.writeFile(path, await pytorchZip(root, { 0: data }));
}

Deno.test("import takes the authors' pickles and safetensors files alike", async () => {
  await withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    await writePickle(at("best.bin"), robertaTensors());
    const file = await writeTensors(folder, robertaTensors());
    const flags = ["--heads", "2", "--labels", "a,b,c"];
    const { code, json } = await runJson(["import", at("best.bin"), at("one"), ...flags]);
    assertEquals([code, json.layout, json.exact], [0, "authors", true]);
    assertEquals(json.adapter, {
      baseModelType: "roberta",
      hiddenSize: 6,
      numHiddenLayers: 2,
      numHeads: 2,
      headDim: 2,
    });
    assert((json.notes as string[]).length > 0);
    assertEquals((json.written as unknown[]).length, 2);
    const second = await runCaptured(["import", file, at("two"), "--layout", "authors", ...flags]);
    assertEquals(second.code, 0, second.err);
    assertStringIncludes(
      second.out,
      "Layout authors: 2 heads of width 2 a layer, in 2 layers of a base of type roberta",
    );
    assertStringIncludes(second.out, "exact: ");
    assertEquals(
      await contents(at("one/adapter_model.safetensors")),
      await contents(at("two/adapter_model.safetensors")),
    );
    const looked = await runJson(["inspect", at("one")]);
    assertEquals((looked.json.adapter as Record<string, unknown>).numHeads, 2);
    assertEquals((await runJson(["validate", at("one")])).json.ok, true);
  });
});

Deno.test("import states a mixture's gap", async () => {
  await withFolder(async (folder) => {
    const tensors = [0, 1, 2, 3].flatMap((expert) =>
      moduleTensors(`roberta.encoder.layer.0.tiny_attn.${expert}`, "joined", expert)
    );
    const file = await writeTensors(folder, tensors);
    const argv = ["import", file, join(folder, "out"), "--num-labels", "2", "--dry-run"];
    const before = await snapshot(folder);
    const { code, json } = await runJson(argv);
    assertEquals([code, json.exact, json.dryRun], [0, false, true]);
    const [{ gap, update }] = json.mixture as [{ gap: number; update: number }];
    assert(gap > 0 && update > 0);
    assertStringIncludes((await runCaptured(argv)).out, "not exact: the 4 modules");
    assertEquals(await snapshot(folder), before);
  });
});

Deno.test("import refuses before it writes", async () => {
  await withFolder(async (folder) => {
    const file = await writeTensors(folder, robertaTensors());
    const before = await snapshot(folder);
    for (
      const [flags, exit, code] of [
        [["--layout", "nemo"], 1, "not-an-adapter"],
        [["--heads", "3"], 2, "usage"],
        [["--layout", "peft"], 2, "usage"],
        [["--labels", "a,b", "--regression"], 2, "usage"],
        [["--labels", "a,b"], 1, "label-mismatch"],
        [["--base-type", "albert"], 1, "adapter-mismatch"],
        [["--layers", "3"], 1, "adapter-mismatch"],
      ] as const
    ) {
      const { code: status, json } = await runJson(["import", file, join(folder, "out"), ...flags]);
      assertEquals([status, (json.error as Record<string, string>).code], [exit, code]);
      assertEquals(await snapshot(folder), before);
    }
  });
});

Deno.test("merge, soup and export work on an imported adapter; stack keeps every byte", async () => {
  const shared = "albert.encoder.albert_layer_groups.0.albert_layers.0.tiny_attn";
  const inputs = [
    { tensors: robertaTensors(), flags: ["--heads", "2"], modules: 2 },
    {
      tensors: moduleTensors(shared, "joined", 3),
      flags: ["--heads", "2", "--layers", "12", "--num-labels", "2"],
      modules: 1,
    },
  ];
  for (const { tensors, flags, modules } of inputs) {
    await withFolder(async (folder) => {
      const at = (name: string) => join(folder, name);
      const file = await writeTensors(folder, tensors);
      assertEquals((await runJson(["import", file, at("in"), ...flags])).code, 0);
      const weights = (name: string) => contents(at(`${name}/adapter_model.safetensors`));
      for (const method of ["stack", "average", "product"]) {
        const argv = ["merge", at("in"), at(method), "--method", method];
        const { code, json } = await runJson(argv);
        assertEquals([code, json.exact], [0, method === "stack"], JSON.stringify(json));
        assertEquals((json.layers as unknown[]).length, modules);
        assertEquals((await runJson(["validate", at(method)])).json.ok, true);
      }
      assertEquals(await weights("stack"), await weights("in"));
      const soup = await runJson([
        "soup",
        at("in"),
        at("average"),
        at("soup"),
        "--method",
        "stack",
      ]);
      assertEquals([soup.code, soup.json.headsAfter], [0, 3]);
      const back = at("back.safetensors");
      assertEquals((await runJson(["export", at("average"), back, "--layout", "authors"])).code, 0);
      const again = flags.slice(2, 4);
      assertEquals((await runJson(["import", back, at("again"), ...again])).code, 0);
      assertEquals(await weights("again"), await weights("average"));
    });
  }
});
