import { assertEquals, assertRejects } from "@std/assert";
import { InterruptedError } from "../../lib/errors.ts";
import { openSession } from "../../lib/eval/session.ts";
import { readText, takeEvenly } from "../../lib/eval/text_rows.ts";
import { makeWorkspace, ROWS } from "../_workspace.ts";

Deno.test("takeEvenly() takes from all over, in order, and all where there are no more", () => {
  assertEquals(takeEvenly([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4), [0, 2, 5, 7]);
  assertEquals(takeEvenly([0, 1, 2], 3), [0, 1, 2]);
  assertEquals(takeEvenly([0, 1, 2], 9), [0, 1, 2]);
  assertEquals(takeEvenly([0, 1, 2], 1), [0]);
});

Deno.test("readText() needs no labels and says what it took", async () => {
  await using space = await makeWorkspace();
  const path = space.at("text.tsv");
  await Deno.writeTextFile(path, `sentence\n${ROWS.join("\n")}\n`);
  const { base, adapter } = space;
  using session = await openSession({ base, adapters: [adapter], device: "reference" });
  const all = await readText(session, { data: path }, 100);
  assertEquals([all.path, all.rows, all.encodings.length], [path, ROWS.length, ROWS.length]);
  assertEquals(all.tokens, all.encodings.reduce((sum, { ids }) => sum + ids.length, 0));
  const two = await readText(session, { data: path }, 2);
  assertEquals(two.encodings, [all.encodings[0]!, all.encodings[4]!]);
  const signal = AbortSignal.abort();
  await assertRejects(() => readText(session, { data: path }, 2, signal), InterruptedError);
});
