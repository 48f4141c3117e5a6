// One set of rows for every method: GLUE's files as JSON Lines, drawn and split by a seed.

import { readDataFile } from "../../lib/eval/data_file.ts";
import { seededUint32 } from "../../lib/tensor/random.ts";
import type { Row } from "../../lib/text/dataset.ts";
import { labelIndices, labelValues } from "../../lib/text/labels.ts";
import type { Task } from "../../lib/text/tasks.ts";

/** Most rows that learning rates are judged by. */
const MOST_HELD_OUT = 1000;

/** Rows that every method reads alike. */
export interface RowsFile {
  /** JSON Lines with `text`, `pair` where there are pairs, `label` and `target`. */
  readonly path: string;
  readonly rows: number;
  readonly hasPairs: boolean;
  /** Class indices, or scores for regression. */
  readonly targets: Uint32Array | Float64Array;
}

/** The rows of a run. */
export interface RowsFiles {
  readonly train: RowsFile;
  readonly dev: RowsFile;
  /** Rows of `train` to try learning rates on, and others to judge these by. */
  readonly tried: RowsFile;
  readonly heldOut: RowsFile;
}

/**
 * Writes the rows of a task into a folder.
 *
 * @param task The task.
 * @param data The folder of its files.
 * @param folder Where to write.
 * @param limit Rows to learn from and to be judged by, at most; all when left out.
 * @param tried Rows to try learning rates on, at most.
 * @returns The files.
 */
export async function writeRowsFiles(
  task: Task,
  data: string,
  folder: string,
  limit: number | undefined,
  tried: number,
): Promise<RowsFiles> {
  const read = async (name: string) => {
    const path = `${data}/${name}.tsv`;
    const rows = shuffled(await readDataFile({ path, requireLabel: true, task }));
    return rows.slice(0, limit);
  };
  const write = async (name: string, rows: readonly Row[]): Promise<RowsFile> => {
    const path = `${folder}/${name}.jsonl`;
    const targets = task.labels === null
      ? labelValues(rows, { path })
      : labelIndices(rows, task.labels, { path, task });
    const lines = rows.map(({ line: _, ...row }, i) =>
      JSON.stringify({ ...row, target: targets[i]! })
    );
    await Deno.writeTextFile(path, `${lines.join("\n")}\n`);
    return { path, rows: rows.length, hasPairs: rows[0]?.pair !== undefined, targets };
  };
  const [train, dev] = [await read("train"), await read("dev")];
  const heldOut = Math.min(MOST_HELD_OUT, Math.ceil(train.length / 10));
  return {
    train: await write("train", train),
    dev: await write("dev", dev),
    tried: await write("tried", train.slice(heldOut, heldOut + tried)),
    heldOut: await write("held_out", train.slice(0, heldOut)),
  };
}

function shuffled<T>(items: readonly T[]): T[] {
  const next = seededUint32(0);
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(next() / 2 ** 32 * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
