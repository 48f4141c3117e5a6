/**
 * `tinygraft init`: a new adapter folder.
 *
 * @module
 */

import { planInit } from "../lib/adapter/init.ts";
import { openModel } from "../lib/checkpoint/open_model.ts";
import { INIT_FLAGS, initOptions, PLACEMENT_HELP } from "./adapter_flags.ts";
import type { Command } from "./command.ts";
import { WRITING_FLAGS } from "./flags.ts";
import { formatCount, formatShare } from "./format.ts";
import { localModel, repositoryName } from "./remote.ts";
import { carryOut, outcomeJson, outcomeText } from "./writing.ts";

/** The command. */
export const init: Command = {
  name: "init",
  group: "Surgery",
  summary: "make a new adapter for a base: identity at start",
  description: "Writes an adapter folder (adapter_config.json, adapter_model.safetensors) whose " +
    "tiny-attention\nheads add nothing yet: the base's outputs are unchanged until it is trained.\n\n" +
    PLACEMENT_HELP,
  positionals: [
    { name: "BASE", help: "the base checkpoint, or hf://org/name" },
    { name: "OUT", help: "the adapter folder to write" },
  ],
  flags: [...INIT_FLAGS, ...WRITING_FLAGS],
  examples: [
    {
      does: "four heads of width 1, two classes",
      line: "tinygraft init all-MiniLM-L6-v2 my-adapter --labels negative,positive",
    },
    {
      does: "two heads of width 4, a score, another seed",
      line: "tinygraft init bert my-adapter --heads 2 --head-dim 4 --regression --seed 7",
    },
  ],
  async run(invocation) {
    const [base, out] = invocation.args as [string, string];
    const options = initOptions(invocation.flags, repositoryName(invocation, base));
    using opened = await openModel(await localModel(invocation, base));
    const { plan, config, parameters, share } = await planInit(
      opened.checkpoint,
      opened.model,
      out,
      options,
    );
    const [outcome] = await carryOut([plan], invocation);
    const document = { adapter: out, parameters, share, ...outcomeJson(outcome!) };
    invocation.print(document, () =>
      [
        outcomeText(outcome!),
        `${formatCount(parameters)} parameters in ${config.numHiddenLayers} layers, ` +
        `${formatShare(share)} of the base`,
      ].join("\n"));
    return 0;
  },
};
