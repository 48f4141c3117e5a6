/**
 * The classifier beside an adapter of another layout.
 *
 * @module
 */

import type { AdapterTask } from "../adapter/config.ts";
import type { Checkpoint, TensorEntry } from "../checkpoint/open.ts";
import { TinygraftError, UsageError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import { formatShape } from "../tensor/shape.ts";

/** What a classifier decides, as the caller says. */
export interface TaskStatement {
  /** The task, with the labels' names where they are known. */
  readonly task: AdapterTask;
  /** Rows of the classifier. */
  readonly numLabels: number;
}

/** The classifier that an imported adapter gets. */
export interface FoundClassifier extends TaskStatement {
  /** Its weight and bias; `undefined` where the checkpoint has none. */
  readonly tensors: { readonly weight: TensorEntry; readonly bias: TensorEntry } | undefined;
  /** What people should know about it. */
  readonly notes: readonly string[];
}

/** The authors' last linear layer, then the usual name of a classifier that is one linear layer. */
const NAMES = ["classifier.out_proj", "classifier"];

/** Layers before the last one, which a canonical classifier does not have. */
const HIDDEN_LAYERS = /^classifier\.(?:linears\.\d+|dense|fc\d*|\d+)\./;

/**
 * Finds the classifier of a checkpoint: one linear layer.
 *
 * @param input The checkpoint.
 * @param wrapper What stands before the names, such as `module.`.
 * @param hiddenSize Columns of the hidden states.
 * @param said What the caller says of the task; needed where there is no classifier.
 * @returns The classifier; without one in the checkpoint, room for one of zeros.
 * @throws {TinygraftError} with code `unsupported-variant` for a classifier of several layers,
 * `ambiguous-layout` for two, `missing-tensor` or `shape-mismatch` for one that is not whole, and
 * `label-mismatch` where the caller says another number of labels.
 * @throws {UsageError} where there is no classifier and nothing is said.
 */
export function findClassifier(
  input: Checkpoint,
  wrapper: string,
  hiddenSize: number,
  said: TaskStatement | undefined,
): FoundClassifier {
  const fail = (code: "unsupported-variant" | "ambiguous-layout", what: string, tensor: string) => {
    const message = `Cannot import ${quote(input.location)}: tensor ${quote(tensor)} ${what}`;
    throw new TinygraftError(message, { code, path: input.location, tensor });
  };
  const has = (name: string) => input.tensors.has(wrapper + name);
  for (const name of input.tensors.keys()) {
    if (!name.startsWith(wrapper) || !HIDDEN_LAYERS.test(name.slice(wrapper.length))) continue;
    const what = "is of a classifier's inner layer, expected a classifier of one linear layer: " +
      "no canonical form has more";
    fail("unsupported-variant", what, name);
  }
  const found = NAMES.filter((name) => has(`${name}.weight`) || has(`${name}.bias`));
  if (found.length > 1) {
    const what = `stands beside "${NAMES[1]}.weight", expected one classifier`;
    fail("ambiguous-layout", what, `${wrapper}${NAMES[0]}.weight`);
  }
  const [name] = found;
  if (name === undefined) return withoutClassifier(input, said);
  const { weight, bias } = requireTensors(input, wrapper + name, hiddenSize);
  const rows = weight.shape[0]!;
  if (said !== undefined && said.numLabels !== rows) {
    throw new TinygraftError(
      `Cannot import ${quote(input.location)}: its classifier has ${rows} outputs, expected ` +
        `${said.numLabels} as the flags say: correct the labels`,
      { code: "label-mismatch", path: input.location, tensor: weight.name },
    );
  }
  const type = rows === 1 ? "regression" : "classification";
  const task = said?.task ?? { type, labels: null };
  const notes = name === NAMES[0] ? [] : [
    "classifier.weight is taken to read the hidden state of token 0 itself, with no pooler or " +
    "activation before it",
  ];
  return { task, numLabels: rows, tensors: { weight, bias }, notes };
}

function withoutClassifier(
  { location }: Checkpoint,
  said: TaskStatement | undefined,
): FoundClassifier {
  if (said === undefined) {
    throw new UsageError(
      `Cannot import ${quote(location)}: it has no classifier and an adapter folder needs one: ` +
        "give --labels, --num-labels or --regression for a new one",
      { path: location },
    );
  }
  const notes = [
    "there is no classifier in the input: the new one is all zeros and decides nothing until it " +
    "is trained",
  ];
  return { ...said, tensors: undefined, notes };
}

function requireTensors(input: Checkpoint, path: string, hiddenSize: number) {
  const [weight, bias] = ["weight", "bias"].map((part) => {
    const name = `${path}.${part}`;
    const entry = input.tensors.get(name);
    if (entry !== undefined) return entry;
    throw new TinygraftError(
      `Cannot import ${quote(input.location)}: tensor ${quote(name)} is missing, expected weight ` +
        "and bias of the classifier",
      { code: "missing-tensor", path: input.location, tensor: name },
    );
  }) as [TensorEntry, TensorEntry];
  const rows = weight.shape[0] ?? 0;
  const expected = [[Math.max(1, rows), hiddenSize], [Math.max(1, rows)]] as const;
  for (const [i, entry] of [weight, bias].entries()) {
    if (formatShape(entry.shape) === formatShape(expected[i]!)) continue;
    throw new TinygraftError(
      `Cannot import ${quote(input.location)}: tensor ${quote(entry.name)} has shape ` +
        `${formatShape(entry.shape)}, expected ${formatShape(expected[i]!)}`,
      { code: "shape-mismatch", path: input.location, tensor: entry.name },
    );
  }
  return { weight, bias };
}
