// Places of modules in their layers, from the first adapter to the merged one.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { PLACEMENT_NAMES } from "../../lib/adapter/placement.ts";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace, type Workspace } from "../_workspace.ts";
import { writeTinyAdapter } from "../_tiny_model.ts";

async function placementOf(folder: string): Promise<string> {
  return JSON.parse(await Deno.readTextFile(`${folder}/adapter_config.json`)).placement;
}

/** A short run on the tiny base. */
function training(space: Workspace, out: string, ...flags: string[]): string[] {
  const run = ["--epochs", "2", "--batch", "4", "--device", "reference"];
  return ["train", space.base, space.at(out), "--data", space.data, ...run, ...flags];
}

Deno.test("init --placement takes both names of a place, inspect tells it", async () => {
  await using space = await makeWorkspace();
  for (const [asked, placement] of [["m1", "parallel_feed_forward"], ["parallel_layer"]]) {
    const out = space.at(asked!);
    const argv = ["init", space.base, out, "--num-labels", "2", "--placement", asked!];
    assertEquals((await runCaptured(argv)).code, 0);
    assertEquals(await placementOf(out), placement ?? asked);
    const { json } = await runJson(["inspect", out]);
    assertEquals((json.adapter as { placement: string }).placement, placement ?? asked);
  }
  const argv = ["init", space.base, space.at("out"), "--num-labels", "2", "--placement", "seq"];
  const { code, err } = await runCaptured(argv);
  assertEquals(code, 2);
  for (const name of [...PLACEMENT_NAMES, "m0"]) assertStringIncludes(err, name);
});

Deno.test("train --placement gives an adapter that check, merge and soup treat by its place", async () => {
  await using space = await makeWorkspace();
  const flags = ["--placement", "s0", "--attention-dropout", "0.1", "--eval", space.data];
  const { code, json, err } = await runJson(training(space, "s0", ...flags));
  assertEquals(code, 0, err);
  assertEquals((json.settings as { attentionDropout: number }).attentionDropout, 0.1);
  assertEquals(await placementOf(space.at("s0")), "parallel_attention");
  const kept = json.eval as { metrics: { accuracy: number } };
  const data = ["--data", space.data, "--device", "reference"];
  const merge = ["merge", space.at("s0"), space.at("one"), "--method", "average"];
  assertEquals((await runCaptured([...merge, "--base", space.base, ...data])).code, 0);
  assertEquals(await placementOf(space.at("one")), "parallel_attention");
  const check = ["check", space.base, "--before", space.at("s0"), "--after", space.at("one")];
  assertEquals((await runJson([...check, ...data])).json.before, {
    metrics: { accuracy: kept.metrics.accuracy },
  });
  // The same training elsewhere in the layer is another adapter, and no mean makes sense of both.
  const plain = await runJson(training(space, "plain", ...flags.slice(2)));
  assertEquals(plain.code, 0);
  assert(plain.json.loss !== json.loss);
  const mixed = await runCaptured(["soup", space.at("s0"), space.at("plain"), space.at("soup")]);
  assertEquals(mixed.code, 1, mixed.err);
  assertStringIncludes(mixed.err, 'placement "after_attention", expected "parallel_attention"');
});

Deno.test("train refuses --placement for an adapter that has one, and a share of 1", async () => {
  await using space = await makeWorkspace();
  const from = await runCaptured(
    training(space, "a", "--from", space.adapter, "--placement", "m1"),
  );
  assertEquals(from.code, 2);
  assertStringIncludes(from.err, "--placement with --from");
  const share = await runCaptured(training(space, "b", "--attention-dropout", "1"));
  assertEquals(share.code, 2);
  assertStringIncludes(share.err, "--attention-dropout");
});

Deno.test("merge fits to text where modules stand beside the layer", async () => {
  await using space = await makeWorkspace({}, { config: { placement: "parallel_layer" } });
  const text = ["--base", space.base, "--calibrate", space.data, "--device", "reference"];
  const argv = ["merge", space.adapter, space.at("one"), "--method", "distil", "--heads", "2"];
  const { code, json, err } = await runJson([...argv, ...text]);
  assertEquals(code, 0, err);
  assertEquals([json.headsAfter, await placementOf(space.at("one"))], [2, "parallel_layer"]);
});

Deno.test("export and import carry the place, or are told it", async () => {
  await using space = await makeWorkspace();
  const adapter = space.at("m1");
  await writeTinyAdapter(adapter, { config: { placement: "parallel_feed_forward" } });
  const theirs = space.at("theirs.safetensors");
  const exported = await runCaptured(["export", adapter, theirs, "--layout", "authors"]);
  assertEquals(exported.code, 0, exported.err);
  assertStringIncludes(exported.out, "must be told the placement m1");
  const labels = ["--base-type", "bert", "--num-labels", "2"];
  const back = await runCaptured(["import", theirs, space.at("back"), ...labels]);
  assertEquals(back.code, 0, back.err);
  assertEquals(await placementOf(space.at("back")), "parallel_feed_forward");
  const told = ["import", theirs, space.at("told"), ...labels, "--placement", "s1"];
  assertEquals((await runCaptured(told)).code, 0);
  assertEquals(await placementOf(space.at("told")), "parallel_layer");
  const nemo = ["export", adapter, space.at("n.safetensors"), "--layout", "nemo"];
  const refused = await runCaptured(nemo);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.err, "its placement is parallel_feed_forward");
});
