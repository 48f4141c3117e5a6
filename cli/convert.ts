/**
 * `tinygraft convert`: cast, rename, select, shard or join, edit metadata.
 *
 * @module
 */

import type { CastReport } from "../lib/checkpoint/cast_step.ts";
import type { ConvertOptions, ConvertResult } from "../lib/checkpoint/convert.ts";
import type { ConvertInput } from "../lib/checkpoint/open_input.ts";
import { parseShardSize } from "../lib/checkpoint/shards.ts";
import type { Renaming } from "../lib/checkpoint/tensor_names.ts";
import { UsageError } from "../lib/errors.ts";
import { CAST_DTYPES, type CastDtype } from "../lib/tensor/cast_dtypes.ts";
import type { Command, Invocation } from "./command.ts";
import { type FlagValues, WRITING_FLAGS } from "./flags.ts";
import { formatCount, formatTable, printable } from "./format.ts";
import { placeOptions } from "./remote.ts";
import { carryOut, outcomeJson, outcomeText } from "./writing.ts";

/** The command. */
export const convert: Command = {
  name: "convert",
  group: "Surgery",
  summary: "cast, rename, select, shard or join tensors, edit metadata",
  description: "Writes a changed copy of IN: a checkpoint or adapter folder, a safetensors file, " +
    "or weights\nsaved by PyTorch (.bin, .pt, .ckpt; nothing in them is executed) or NumPy (.npz). " +
    "Without\n--max-shard-size the copy is one file. Globs and patterns must match some tensor; " +
    "globs go by\nthe names in IN.\n\n" +
    "DTYPE is F64, F32, F16, BF16, F8_E4M3, F8_E5M2, F8_E4M3FNUZ, F8_E5M2FNUZ, or an integer from\n" +
    "I8 and U8 to I64 and U64. A float DTYPE casts the floating tensors and leaves integers, such " +
    "as\nposition ids, alone; an integer one does the reverse. Casts round once, to nearest, ties " +
    "to even.\nA value that DTYPE cannot hold is refused; --saturate clamps it.",
  positionals: [
    { name: "IN", help: "what to convert; never changed" },
    { name: "OUT", help: "the folder to write, or a .safetensors file" },
  ],
  flags: [
    {
      name: "dtype",
      kind: "string",
      value: "DTYPE",
      choices: CAST_DTYPES,
      help: "the dtype to cast to",
    },
    {
      name: "cast",
      kind: "strings",
      value: "GLOB",
      help: "tensors to cast instead, whatever their dtype",
    },
    { name: "keep", kind: "strings", value: "GLOB", help: "tensors that keep their dtype" },
    { name: "saturate", kind: "boolean", help: "clamp values that the dtype cannot hold" },
    {
      name: "rename",
      kind: "strings",
      value: "PATTERN=REPLACEMENT",
      help: "replace matches of a regular expression in names; $1 is a group",
    },
    { name: "include", kind: "strings", value: "GLOB", help: "only these tensors" },
    { name: "exclude", kind: "strings", value: "GLOB", help: "not these tensors" },
    {
      name: "max-shard-size",
      kind: "string",
      value: "SIZE",
      help: "divide into shards of so many bytes, such as 5GB or 500MiB",
    },
    { name: "metadata", kind: "strings", value: "KEY=VALUE", help: "set a key of the metadata" },
    { name: "unset-metadata", kind: "strings", value: "KEY", help: "leave a key out" },
    {
      name: "state-dict",
      kind: "string",
      value: "KEY",
      help: "which dict of a PyTorch file to take, if it holds several",
    },
    ...WRITING_FLAGS,
  ],
  examples: [
    {
      does: "half the bytes, layer norms as they are",
      line: "tinygraft convert model half --dtype BF16 --keep '*LayerNorm*'",
    },
    {
      does: "a PyTorch checkpoint to shards, without its prefix",
      line: "tinygraft convert pytorch_model.bin out --rename '^model\\.=' --max-shard-size 5GB",
    },
  ],
  async run(invocation: Invocation) {
    const [location, out] = invocation.args as [string, string];
    const options = convertOptions(invocation.flags);
    const stateDict = invocation.flags.string("state-dict");
    // Imported late, with the readers of other formats: most commands need none.
    const { planConvert } = await import("../lib/checkpoint/convert.ts");
    const { openConvertInput } = await import("../lib/checkpoint/open_input.ts");
    using input = await openConvertInput(location, {
      ...placeOptions(invocation, location),
      ...(stateDict === undefined ? {} : { stateDict }),
    });
    const { weights } = input;
    const result = await planConvert(input.checkpoint, out, { ...options, weights });
    for (const warning of warningsOf(input, result)) invocation.warn(warning);
    const [outcome] = await carryOut([result.plan], invocation);
    invocation.print(
      { ...outcomeJson(outcome!), ...changesJson(result), ...foreignJson(input) },
      () => [outcomeText(outcome!), ...changesText(result)].join("\n"),
    );
    return 0;
  },
};

function convertOptions(flags: FlagValues): Omit<ConvertOptions, "weights"> {
  const dtype = flags.string("dtype") as CastDtype | undefined;
  const idle = ["cast", "keep", "saturate"].find((name) => flags.given(name));
  if (dtype === undefined && idle !== undefined) {
    throw new UsageError(`Cannot use --${idle} without --dtype: it says how to cast`);
  }
  const size = flags.string("max-shard-size");
  const metadata = parseMetadata(flags.strings("metadata"));
  const unsetMetadata = flags.strings("unset-metadata");
  const both = unsetMetadata.find((key) => metadata.has(key));
  if (both !== undefined) {
    throw new UsageError(`Cannot both set and unset the metadata key "${both}": choose one`);
  }
  return {
    ...(dtype === undefined ? {} : { dtype }),
    ...(flags.given("cast") ? { cast: flags.strings("cast") } : {}),
    ...(flags.given("include") ? { include: flags.strings("include") } : {}),
    ...(size === undefined ? {} : { maxShardBytes: parseShardSize(size) }),
    keep: flags.strings("keep"),
    exclude: flags.strings("exclude"),
    rename: flags.strings("rename").map(parseRenaming),
    saturate: flags.boolean("saturate"),
    metadata,
    unsetMetadata,
  };
}

/** Divides at the last "=", since patterns such as `(?=x)` hold some themselves. */
function parseRenaming(text: string): Renaming {
  const at = text.lastIndexOf("=");
  if (at < 1) {
    throw new UsageError(`Bad value "${text}" of --rename: expected PATTERN=REPLACEMENT`);
  }
  try {
    return { pattern: new RegExp(text.slice(0, at), "gu"), replacement: text.slice(at + 1) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(`Bad pattern "${text.slice(0, at)}" of --rename: ${error.message}`);
  }
}

function parseMetadata(values: readonly string[]): Map<string, string> {
  const metadata = new Map<string, string>();
  for (const text of values) {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`Bad value "${text}" of --metadata: expected KEY=VALUE`);
    const key = text.slice(0, at);
    if (metadata.has(key)) {
      throw new UsageError(`Repeated metadata key "${key}": it takes one value`);
    }
    metadata.set(key, text.slice(at + 1));
  }
  return metadata;
}

function* warningsOf({ foreign }: ConvertInput, { notCast }: ConvertResult): Generator<string> {
  const first = (names: readonly string[]) =>
    names.slice(0, 3).map((name) => `"${name}"`).join(", ") + (names.length > 3 ? " …" : "");
  if (notCast.length > 0) {
    yield `${notCast.length} tensors keep a dtype that cannot be cast: ${first(notCast)}`;
  }
  for (const { location, ignored, shared } of foreign) {
    if (ignored.length > 0) yield `${location}: ${first(ignored)} hold no weights and are left out`;
    const [names] = shared;
    if (names === undefined) continue;
    const more = shared.length === 1 ? "" : ` (and ${shared.length - 1} more such groups)`;
    yield `${location}: ${first(names)} share their bytes${more}: each is written in full, leave ` +
      "one out with --exclude if loaders tie them";
  }
}

function foreignJson({ foreign }: ConvertInput): Record<string, unknown> {
  if (foreign.length === 0) return {};
  return {
    sources: foreign.map(({ location, format, stateDict, ignored, shared }) => {
      return { path: location, format, stateDict, ignored, shared };
    }),
  };
}

function changesJson({ casts, renamed, leftOut, notCast }: ConvertResult): Record<string, unknown> {
  return {
    // On a dry run the counts are unknown: `tally` is left out.
    casts: casts.map(({ name, from, to, tally }) => ({ name, from, to, ...tally })),
    renamed: [...renamed].map(([from, to]) => ({ from, to })),
    leftOut,
    notCast,
  };
}

function changesText({ casts, renamed, leftOut }: ConvertResult): string[] {
  const counts = [
    [casts.length, "cast"],
    [renamed.size, "renamed"],
    [leftOut.length, "left out"],
  ] as const;
  const said = counts.filter(([count]) => count > 0)
    .map(([count, what]) => `${formatCount(count)} ${what}`);
  const summary = said.length === 0 ? [] : [`Tensors: ${said.join(", ")}`];
  const rows = casts.map(lossRow).filter((row) => row !== undefined);
  if (rows.length === 0) return summary;
  const header = ["  values changed beyond rounding", "elements", "clamped", "became 0"];
  return [...summary, formatTable(header, rows, ["left", "right", "right", "right"])];
}

function lossRow({ name, tally }: CastReport): string[] | undefined {
  if (tally === undefined) return undefined;
  const { elements, beyond, infinite, toZero } = tally;
  if (beyond + infinite + toZero === 0) return undefined;
  const counts = [elements, beyond + infinite, toZero].map(formatCount);
  return [`  ${printable(name)}`, ...counts];
}
