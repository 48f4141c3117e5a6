import { assertEquals } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { headNotes } from "../../lib/merge/head_notes.ts";
import { planMerge } from "../../lib/merge/merge_adapter.ts";
import { planSoup } from "../../lib/merge/soup_adapters.ts";
import { adapterConfig, withFolder, writeAdapter } from "./_adapters.ts";

type Edit = (name: string, values: Float32Array) => void;

/** The notes on an adapter of two layers of three heads of width 2 on 6 dimensions. */
async function notesOn(edit: Edit, config = adapterConfig()): Promise<string[]> {
  let notes: string[] = [];
  await withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, config, { edit });
    using adapter = await openAdapter(`${folder}/a`);
    notes = headNotes(await planMerge(adapter, `${folder}/b`, { method: "product" }));
  });
  return notes;
}

Deno.test("headNotes() has nothing to say of sound heads", async () => {
  assertEquals(await notesOn(() => {}), []);
});

Deno.test("headNotes() names heads that add nothing, are blind or thin", async () => {
  const notes = await notesOn((name, values) => {
    // Rows of 6: head m has rows 2 m and 2 m + 1.
    if (name.endsWith("layer.1.tiny_attn.value.weight")) values.fill(0, 12, 24);
    if (name.endsWith("layer.0.tiny_attn.key.weight")) {
      values.fill(0, 0, 12);
      values.copyWithin(30, 24, 30);
    }
  });
  assertEquals(notes, [
    "Adding nothing, as value or output is zero: head 1 of layer 1",
    "Looking at all tokens alike, as query or key is zero: head 0 of layer 0",
    "Using fewer dimensions than their width of 2: head 2 of layer 0",
  ]);
});

Deno.test("headNotes() lists the first of many heads and counts the others", async () => {
  const [note, ...others] = await notesOn((name, values) => {
    if (/query\.(weight|bias)$/.test(name)) values.fill(0);
  }, adapterConfig({ numHeads: 4 }));
  assertEquals(others, []);
  const names = note!.split(": ")[1]!;
  assertEquals(names.split(", ").slice(0, 2), ["head 0 of layer 0", "head 1 of layer 0"]);
  assertEquals(names.split(", ").at(-1), "head 1 of layer 1 and 2 more");
});

Deno.test("headNotes() calls an adapter without any effect untrained", async () => {
  const notes = await notesOn((name, values) => {
    if (name.endsWith("output.weight")) values.fill(0);
  });
  assertEquals(notes, [
    "No head adds anything: value or output is zero in all, as in an untrained adapter",
  ]);
});

Deno.test("headNotes() does not call heads thin that a soup widens", () =>
  withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, adapterConfig());
    await writeAdapter(`${folder}/b`, adapterConfig({ headDim: 1 }));
    using wide = await openAdapter(`${folder}/a`);
    using narrow = await openAdapter(`${folder}/b`);
    const soup = await planSoup([wide, narrow], `${folder}/c`, { method: "stack" });
    assertEquals(headNotes(soup), []);
  }));
