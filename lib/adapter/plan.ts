/**
 * The plan of an adapter folder: what `init`, `extract` and `merge` write.
 *
 * @module
 */

import type { Plan, TensorStep } from "../checkpoint/plan.ts";
import type { FileSource } from "../checkpoint/sources.ts";
import { encodeFloats } from "../tensor/decode.ts";
import { type AdapterConfig, formatAdapterConfig } from "./config.ts";
import { type Adapter, ADAPTER_CONFIG, ADAPTER_WEIGHTS } from "./open.ts";
import { adapterTensors } from "./tensors.ts";

/** An adapter in memory, as {@linkcode initAdapter} makes it. */
export interface FreshAdapter {
  /** What kind of adapter it is. */
  readonly config: AdapterConfig;
  /** Rows of the classifier. */
  readonly numLabels: number;
  /** Values by relative name, f32, row-major, one array for each tensor of the config. */
  readonly arrays: ReadonlyMap<string, Float32Array>;
  /** Where the values come from, for plans: `initialised, seed 1`. */
  readonly origin: string;
}

/** An adapter to be put into a checkpoint: an open one, or one made in memory. */
export type AdapterSource = Adapter | FreshAdapter;

/** Metadata of every adapter's weights file. */
const ADAPTER_METADATA: ReadonlyMap<string, string> = new Map([["format", "pt"]]);

/**
 * Lists the steps that write an adapter's tensors under their relative names.
 *
 * @param source The adapter; stays open until the steps are carried out.
 * @returns One step a tensor: copies of an open adapter's bytes, F32 for one in memory.
 */
export function adapterSteps(source: AdapterSource): TensorStep[] {
  if (!("arrays" in source)) {
    return [...source.tensors].map(([name, from]) => {
      return { kind: "copy", name, dtype: from.dtype, shape: from.shape, from };
    });
  }
  const { arrays, origin } = source;
  return adapterTensors(source.config, source.numLabels).map(({ name, shape }) => {
    const values = arrays.get(name);
    if (values === undefined) throw new TypeError(`Cannot write "${name}": it has no values`);
    const data = () => Promise.resolve(encodeFloats(values, "F32"));
    return { kind: "data", name, dtype: "F32", shape, data, origin };
  });
}

/** What {@linkcode planAdapter} can be told beside the adapter. */
export interface PlanAdapterOptions {
  /** The text of `adapter_config.json`, where it is to be kept exactly; else it is formatted. */
  readonly configText?: string;
  /** Open files of the inputs, for the check that they did not change. */
  readonly sources?: readonly FileSource[];
}

/**
 * Plans an adapter folder: `adapter_config.json` and `adapter_model.safetensors`.
 *
 * @param config The adapter's config.
 * @param tensors Its tensors by relative name.
 * @param output The folder to be made.
 * @param inputs Every path that is read; the output must be none of them.
 * @param options The config's exact text and the open inputs, where there are such.
 * @returns The plan; nothing is written yet.
 */
export function planAdapter(
  config: AdapterConfig,
  tensors: readonly TensorStep[],
  output: string,
  inputs: readonly string[],
  options: PlanAdapterOptions = {},
): Plan {
  const text = options.configText ?? formatAdapterConfig(config);
  return {
    output,
    kind: "folder",
    inputs,
    ...(options.sources === undefined ? {} : { sources: options.sources }),
    files: [
      {
        kind: "bytes",
        path: ADAPTER_CONFIG,
        bytes: new TextEncoder().encode(text),
        origin: options.configText === undefined ? "config of the adapter" : "config, unchanged",
      },
      { kind: "safetensors", path: ADAPTER_WEIGHTS, tensors, metadata: ADAPTER_METADATA },
    ],
  };
}
