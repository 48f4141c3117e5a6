import { assert, assertEquals } from "@std/assert";
import { checkDev, checkStages, describeMini } from "./_mini.ts";

Deno.test("the shipped encoder has about a million parameters and a four-head adapter", async () => {
  const { parameters, heads } = await describeMini();
  assert(parameters > 0.8e6 && parameters < 1.3e6, `${parameters}`);
  assertEquals(heads, 4);
});

Deno.test("the reference reproduces PyTorch at every stage", () => checkStages("reference"));

Deno.test("WebAssembly reproduces PyTorch's dev results before and after averaging", () =>
  checkDev("wasm"));

Deno.test("the reference reproduces PyTorch's logits before and after averaging", () =>
  checkDev("reference", 90));
