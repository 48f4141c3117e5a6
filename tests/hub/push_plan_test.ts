import { assert, assertEquals, assertRejects } from "@std/assert";
import { planInject } from "../../lib/adapter/inject.ts";
import { openAdapter } from "../../lib/adapter/open.ts";
import { openCheckpoint } from "../../lib/checkpoint/open.ts";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { hubOrigin, pushPlan } from "../../lib/hub/push_plan.ts";
import { push } from "../../lib/hub/push.ts";
import { RemoteAccess } from "../../lib/remote/access.ts";
import { makeWorkspace } from "../_workspace.ts";
import { PullSpace } from "./_pull.ts";

Deno.test("pushPlan() renames the shards of a base on its branch, and what it makes can be opened", async () => {
  await using space = await PullSpace.make();
  await using local = await makeWorkspace({ sharded: true });
  const options = { ...space.options, endpoint: space.hub.url };
  await push(local.base, "hf://org/base", { ...options, create: true });
  const origin = await hubOrigin("hf://org/base", options);
  const remote = new RemoteAccess(options);
  using base = await openModel(origin.location, { remote });
  using adapter = await openAdapter(local.adapter);
  const plan = async (location: string) => {
    const how = { as: "shard", unhashed: true } as const;
    return (await planInject(base.checkpoint, base.model, adapter, location, how)).plan;
  };
  const target = "hf://org/base@grafted";
  const { removed, copied } = await pushPlan(await plan(target), target, { ...options, origin });
  const shards = (count: number) =>
    Array.from({ length: 3 }, (_, i) => `model-0000${i + 1}-of-0000${count}.safetensors`);
  assertEquals([removed, copied.map(({ path }) => path)], [shards(3), shards(4)]);
  assertEquals(space.hub.seen.filter(({ path }) => path.endsWith("/duplicate")).length, 0);
  using grafted = await openCheckpoint(target, { remote });
  assertEquals(grafted.files.length, 4);
  assert([...base.checkpoint.tensors.keys()].every((name) => grafted.tensors.has(name)));

  // A branch that has gone on since has weights that are not the origin's.
  await space.hub.commit("org/base", { "model.safetensors": "newer" });
  const pushing = () =>
    plan("hf://org/base").then((it) => pushPlan(it, it.output, { ...options, origin }));
  assertEquals((await assertRejects(pushing, TinygraftError)).code, "foreign-files");
});

Deno.test("hubOrigin() names one commit, and takes addresses of the Hub only", async () => {
  await using space = await PullSpace.make();
  const { id } = await space.hub.commit("org/base", { "sub/model.safetensors": "weights" });
  const { address, location, files } = await hubOrigin(
    "hf://org/base/sub/model.safetensors",
    space.options,
  );
  assertEquals([address.revision, address.folder], [id, "sub"]);
  assertEquals(location, `hf://org/base@${id}/sub/model.safetensors`);
  assertEquals([...files.keys()], ["model.safetensors"]);
  await assertRejects(() => hubOrigin("https://example.org/x", space.options), UsageError);
});
