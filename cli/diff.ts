/**
 * `tinygraft diff`: what differs between two checkpoints.
 *
 * @module
 */

import { openWeights } from "../lib/adapter/weights.ts";
import {
  type CheckpointDifference,
  diffCheckpoints,
  type DiffOptions,
  type TensorChange,
} from "../lib/checkpoint/diff.ts";
import { formatShape } from "../lib/tensor/shape.ts";
import type { Command, Invocation } from "./command.ts";
import { formatCount, formatNumber, formatTable, printable } from "./format.ts";
import { placeOptions } from "./remote.ts";

const LOCATION_HELP = "a file, or a checkpoint or adapter folder, or hf:// or https://";

/** The command. */
export const diff: Command = {
  name: "diff",
  group: "Look",
  summary: "compare names, dtypes, shapes, metadata and values of two checkpoints",
  description: "Exits 1 when anything differs. How tensors are spread over files does not count. " +
    "Without\n--values only headers are read. With it tensors are equal when their bits are; with " +
    "a tolerance,\nwhen |b - a| <= atol + rtol * |a| for every element, and NaN equals NaN. " +
    "Different dtypes are\ncompared by value in f64. Relative L2 is |b - a| / |a|; ULPs are counted " +
    "in the storage dtype.\nnon-finite counts pairs with a NaN or Inf on one side only.",
  positionals: [{ name: "A", help: LOCATION_HELP }, {
    name: "B",
    help: "what to compare it with, of any of these kinds",
  }],
  flags: [
    { name: "values", kind: "boolean", help: "read and compare the values too" },
    { name: "rtol", kind: "number", min: 0, help: "relative tolerance; implies --values" },
    { name: "atol", kind: "number", min: 0, help: "absolute tolerance; implies --values" },
  ],
  examples: [
    { does: "what a conversion changed", line: "tinygraft diff model half --values" },
    { does: "equal but for rounding?", line: "tinygraft diff a b --rtol 1e-5 --atol 1e-8 --json" },
  ],
  async run(invocation: Invocation) {
    const [locationA, locationB] = invocation.args as [string, string];
    const places = placeOptions(invocation, locationA, locationB);
    using a = await openWeights(locationA, places);
    using b = await openWeights(locationB, places);
    const options = diffOptions(invocation);
    const difference = await diffCheckpoints(a, b, options);
    invocation.progress.end();
    invocation.print(difference, () => textOf(difference, options.tolerance !== undefined));
    return difference.equal ? 0 : 1;
  },
};

function diffOptions({ flags, io, progress }: Invocation): DiffOptions {
  const rtol = flags.number("rtol");
  const atol = flags.number("atol");
  const hasTolerance = rtol !== undefined || atol !== undefined;
  return {
    values: flags.boolean("values") || hasTolerance,
    ...(hasTolerance ? { tolerance: { rtol: rtol ?? 0, atol: atol ?? 0 } } : {}),
    signal: io.signal,
    onProgress: (done, total) => progress.update(done, total, "Comparing", "bytes"),
  };
}

function textOf(difference: CheckpointDifference, hasTolerance: boolean): string {
  const { onlyInA, onlyInB, changed, metadata } = difference;
  const tables = [headerTable(changed), valueTable(changed, hasTolerance)].filter((table) =>
    table !== ""
  );
  const lines = [
    ...onlyInA.map((name) => `Only in A: ${printable(name)}`),
    ...onlyInB.map((name) => `Only in B: ${printable(name)}`),
    ...metadata.onlyInA.map((key) => `Metadata only in A: ${printable(key)}`),
    ...metadata.onlyInB.map((key) => `Metadata only in B: ${printable(key)}`),
    ...metadata.changed.map(({ key, a, b }) =>
      `Metadata ${printable(key)}: ${printable(a)} → ${printable(b)}`
    ),
  ];
  const parts = [...tables, ...(lines.length === 0 ? [] : [lines.join("\n")])];
  return [...parts, summary(difference)].join("\n\n");
}

function headerTable(changed: readonly TensorChange[]): string {
  const rows = changed.filter(({ a, b }) =>
    a.dtype !== b.dtype || formatShape(a.shape) !== formatShape(b.shape)
  ).map(({ name, a, b }) => [
    printable(name),
    a.dtype === b.dtype ? a.dtype : `${a.dtype} → ${b.dtype}`,
    formatShape(a.shape) === formatShape(b.shape)
      ? formatShape(a.shape)
      : `${formatShape(a.shape)} → ${formatShape(b.shape)}`,
  ]);
  return rows.length === 0 ? "" : formatTable(["tensor", "dtype", "shape"], rows);
}

function valueTable(changed: readonly TensorChange[], hasTolerance: boolean): string {
  const measures = ["non-finite", "max abs", "relative L2", "cosine", "ULPs"];
  const titles = ["tensor", "differing", ...(hasTolerance ? ["outside"] : []), ...measures];
  const rows = changed.flatMap(({ name, differs, values }) => {
    if (values === null) {
      // Of these only the bytes were compared.
      return differs.includes("values") ? [[printable(name), "bytes"]] : [];
    }
    const { differing, outside, nonFinite, maxAbs, relativeL2, cosine, maxUlps } = values;
    const counts = [differing, ...(hasTolerance ? [outside] : []), nonFinite];
    // Rounded to four digits, every cosine of interest would be 1.
    const angle = cosine === null ? "-" : `${Number(cosine.toPrecision(9))}`;
    const cells = [...counts, maxAbs, relativeL2].map(formatNumber);
    return [[printable(name), ...cells, angle, formatNumber(maxUlps)]];
  });
  if (rows.length === 0) return "";
  return formatTable(titles, rows, titles.map((_, i) => i === 0 ? "left" : "right"));
}

function summary(difference: CheckpointDifference): string {
  const { common, changed, onlyInA, onlyInB, equal, valuesCompared, withinTolerance } = difference;
  const extent = valuesCompared ? "" : "; values were not compared (--values)";
  const within = withinTolerance === 0 ? "" : `, ${formatCount(withinTolerance)} within tolerance`;
  return `${equal ? "Equal" : "Different"}: ${formatCount(common)} common tensors, ` +
    `${formatCount(changed.length)} changed${within}, ${formatCount(onlyInA.length)} only in A, ` +
    `${formatCount(onlyInB.length)} only in B${extent}`;
}
