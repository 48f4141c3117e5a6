/**
 * `tinygraft extract`: an adapter back out of a checkpoint.
 *
 * @module
 */

import { planExtract, planStrip } from "../lib/adapter/extract.ts";
import { openCheckpoint } from "../lib/checkpoint/open.ts";
import type { Command, Invocation } from "./command.ts";
import { WRITING_FLAGS } from "./flags.ts";
import { placeOptions } from "./remote.ts";
import { carryOut, outcomeText } from "./writing.ts";

/** The command. */
export const extract: Command = {
  name: "extract",
  group: "Surgery",
  summary: "take an adapter back out of a checkpoint",
  description: "The inverse of inject: writes the adapter folder, byte for byte as it went in. " +
    "--strip also\nwrites the checkpoint without it.",
  positionals: [
    { name: "CHECKPOINT", help: "a checkpoint that carries an adapter, or hf:// or https://" },
    { name: "OUT", help: "the adapter folder to write" },
  ],
  flags: [
    { name: "strip", kind: "string", value: "DIR", help: "also write the checkpoint without it" },
    ...WRITING_FLAGS,
  ],
  examples: [
    { does: "the adapter alone", line: "tinygraft extract injected my-adapter" },
    { does: "adapter and base apart", line: "tinygraft extract injected adapter --strip base" },
  ],
  async run(invocation: Invocation) {
    const [location, out] = invocation.args as [string, string];
    const strip = invocation.flags.string("strip");
    using checkpoint = await openCheckpoint(location, placeOptions(invocation, location));
    const { plan } = await planExtract(checkpoint, out);
    const plans = strip === undefined ? [plan] : [plan, await planStrip(checkpoint, strip)];
    const outcomes = await carryOut(plans, invocation);
    const document = {
      adapter: out,
      plans: outcomes.map((outcome) => outcome.plan),
      written: outcomes.flatMap((outcome) => outcome.written),
      dryRun: outcomes[0]!.dryRun,
    };
    invocation.print(document, () => outcomes.map(outcomeText).join("\n\n"));
    return 0;
  },
};
