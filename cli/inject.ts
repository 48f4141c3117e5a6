/**
 * `tinygraft inject`: an adapter into a copy of a checkpoint.
 *
 * @module
 */

import { initAdapter } from "../lib/adapter/init.ts";
import { planInject } from "../lib/adapter/inject.ts";
import { openAdapter } from "../lib/adapter/open.ts";
import { openModel } from "../lib/checkpoint/open_model.ts";
import { UsageError } from "../lib/errors.ts";
import { isRemote } from "../lib/remote/address.ts";
import { INIT_FLAGS, initOptions, PLACEMENT_HELP } from "./adapter_flags.ts";
import type { Command, Invocation } from "./command.ts";
import { VERIFY_FLAG } from "./flags.ts";
import type { HubInjection } from "./inject_on_hub.ts";
import { OUTPUT_PUSH_FLAGS, refusePushFlags } from "./pushing.ts";
import { localModel, placeOptions, repositoryName } from "./remote.ts";
import { carryOut, outcomeJson, outcomeText } from "./writing.ts";

/** How the adapter's tensors join the base's. */
type InjectAs = HubInjection["as"];

/** The command. */
export const inject: Command = {
  name: "inject",
  group: "Surgery",
  summary: "put an adapter's tensors into a copy of a checkpoint",
  description: "Grafts an adapter, or a new one made by the flags of init, into a copy of BASE; " +
    "the base's\ntensors keep every byte. --as checkpoint rewrites the files; --as shard adds one " +
    "shard and an\nindex, and links the base's files (hard links; copies where the file system " +
    "has none).\nLibraries that do not know tiny attention ignore the added tensors.\n\n" +
    "OUT may be a repository of the Hub: the result is pushed as one commit, as push does. With " +
    "--as shard\nand BASE on the Hub only headers and small files of it are fetched; its weights are " +
    "put beside the\nnew shard by the Hub itself: in BASE's own repository always, in another where " +
    "the Hub copies them\n(files in Xet storage, within one region), else the adapter is pushed " +
    "alone, and said so.\n\n" +
    PLACEMENT_HELP,
  positionals: [
    { name: "BASE", help: "the base checkpoint, or hf://org/name; never changed" },
    {
      name: "OUT",
      help: "the folder to write, a .safetensors file for a single-file BASE, or hf://org/name",
    },
  ],
  flags: [
    { name: "adapter", kind: "string", value: "DIR", help: "the adapter; else a new one is made" },
    {
      name: "as",
      kind: "string",
      choices: ["checkpoint", "shard"],
      default: "checkpoint",
      help: "rewrite the files, or add a shard and link the rest",
    },
    ...INIT_FLAGS,
    { name: "dry-run", kind: "boolean", help: "print the plan and write nothing" },
    {
      name: "force",
      kind: "boolean",
      help: "replace an existing output; accept an adapter made for another base content",
    },
    VERIFY_FLAG,
    ...OUTPUT_PUSH_FLAGS,
  ],
  examples: [
    { does: "graft a trained adapter", line: "tinygraft inject base grafted --adapter my-adapter" },
    {
      does: "a fresh adapter as one more shard, without copying the base",
      line: "tinygraft inject base grafted --as shard --labels no,yes --seed 1",
    },
    {
      does: "on the Hub alone: the base's weights are neither fetched nor sent",
      line:
        "tinygraft inject hf://org/base hf://me/grafted --as shard --adapter my-adapter --create",
    },
  ],
  async run(invocation: Invocation) {
    const [location, out] = invocation.args as [string, string];
    const as = invocation.flags.required("as") as InjectAs;
    const adapter = invocation.flags.string("adapter");
    if (adapter !== undefined) refuseInitFlags(invocation);
    refusePushFlags(invocation, out);
    if (isRemote(out)) {
      const { injectOnHub } = await import("./inject_on_hub.ts");
      return await injectOnHub(invocation, { base: location, output: out, adapter, as });
    }
    const options = adapter === undefined
      ? initOptions(invocation.flags, repositoryName(invocation, location))
      : undefined;
    const force = invocation.flags.boolean("force");
    using base = await openModel(await localModel(invocation, location));
    using resources = new DisposableStack();
    const source = options === undefined
      ? resources.use(
        await openAdapter(adapter!, {
          ...placeOptions(invocation, adapter!),
          withoutClassifier: true,
        }),
      )
      : (await initAdapter(base.checkpoint, base.model, options)).adapter;
    const { plan, added, leftOut, warnings } = await planInject(
      base.checkpoint,
      base.model,
      source,
      out,
      { as, force },
    );
    for (const warning of warnings) invocation.warn(warning);
    for (const name of leftOut) invocation.warn(`${name} of the base's folder is not carried over`);
    const [outcome] = await carryOut([plan], invocation);
    invocation.print(
      { as, added, leftOut, ...outcomeJson(outcome!) },
      () => `${outcomeText(outcome!)}\n${added.length} tensors added, the base's are unchanged`,
    );
    return 0;
  },
};

/** Flags of a new adapter beside `--adapter` would be ignored in silence. */
function refuseInitFlags({ flags }: Invocation): void {
  const given = INIT_FLAGS.filter(({ name }) => flags.given(name));
  if (given.length === 0) return;
  throw new UsageError(
    `Cannot use --${given[0]!.name} with --adapter: it describes a new adapter; leave one out`,
  );
}
