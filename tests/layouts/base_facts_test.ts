import { assertEquals } from "@std/assert";
import { baseContentHash } from "../../lib/adapter/embedded.ts";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { hashOfBase } from "../../lib/layouts/base_facts.ts";
import { inject } from "../adapter/_folders.ts";
import { makeWorkspace } from "../_workspace.ts";

Deno.test("hashOfBase() is the hash that adapters record, whatever the base carries", async () => {
  await using space = await makeWorkspace({ prefix: "bert." });
  await inject(space.base, space.adapter, space.at("grafted"), "checkpoint");
  for (const location of [space.base, space.at("grafted")]) {
    using base = await openModel(location);
    const want = await baseContentHash(base.checkpoint, base.model);
    assertEquals(await hashOfBase(base.checkpoint), want);
  }
});
