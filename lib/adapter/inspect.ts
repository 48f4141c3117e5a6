/**
 * What a location holds: files, tensors, parameters, architecture and adapter.
 *
 * @module
 */

import { type Checkpoint, openCheckpoint, type TensorEntry } from "../checkpoint/open.ts";
import { type StatsOptions, type TensorStats, tensorStats } from "../checkpoint/stats.ts";
import { TinygraftError } from "../errors.ts";
import { resolveModel } from "../model/resolve.ts";
import type { PlaceOptions } from "../checkpoint/place.ts";
import { RemoteAccess } from "../remote/access.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { elementCount } from "../tensor/shape.ts";
import { adapterTensors } from "./tensors.ts";
import type { AdapterConfig } from "./config.ts";
import {
  type Adapter,
  ADAPTER_WEIGHTS,
  embeddedAdapter,
  findAdapterFolder,
  openAdapter,
} from "./open.ts";
import type { Placement } from "./placement.ts";

/** One file of an inspected location. */
export interface InspectedFile {
  /** Its path. */
  readonly path: string;
  /** Its length in bytes. */
  readonly bytes: number;
  /** Its `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** One tensor of an inspected location. */
export interface InspectedTensor {
  /** Its name. */
  readonly name: string;
  /** Its dtype. */
  readonly dtype: Dtype;
  /** Its shape, in elements. */
  readonly shape: readonly number[];
  /** Its length in bytes. */
  readonly bytes: number;
  /** The file that holds it. */
  readonly file: string;
  /** What its values are like, where asked for; `null` for dtypes that are no real numbers. */
  readonly stats?: TensorStats | null;
}

/** What architecture a checkpoint was recognised as. */
export interface InspectedArchitecture {
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** What stands before the encoder's tensor names, such as `bert.`. */
  readonly prefix: string;
  /** Columns of a hidden state. */
  readonly hiddenSize: number;
  /** Layers of the encoder. */
  readonly numHiddenLayers: number;
  /** The base's own attention heads. */
  readonly numAttentionHeads: number;
  /** Width of the feed-forward block. */
  readonly intermediateSize: number;
  /** Rows of the word table. */
  readonly vocabSize: number;
}

/** What tiny-attention adapter was recognised. */
export interface InspectedAdapter {
  /** Heads of every layer, or one number a layer. */
  readonly numHeads: number | readonly number[];
  /** Width of a head. */
  readonly headDim: number;
  /** How heads are added up. */
  readonly combine: "sum" | "mean";
  /** Where in their layers the modules stand. */
  readonly placement: Placement;
  /** Parameters of modules and classifier, in elements. */
  readonly parameters: number;
  /** Those parameters as a share of the base's; `null` where the base is not here. */
  readonly share: number | null;
  /** Task and labels. */
  readonly task: AdapterConfig["task"];
  /** The base it was made for. */
  readonly baseModelNameOrPath: string | null;
}

/** What a location holds. */
export interface Inspection {
  /** Its files. */
  readonly files: readonly InspectedFile[];
  /** The tensors that were asked for, by name. */
  readonly tensors: readonly InspectedTensor[];
  /** Elements of those tensors. */
  readonly parameters: number;
  /** Bytes of those tensors. */
  readonly bytes: number;
  /** The architecture; `null` where there is no config.json, or none that is known. */
  readonly architecture: InspectedArchitecture | null;
  /** Why the architecture is not known, if it is not. */
  readonly architectureNote: string | null;
  /** The adapter; `null` where there is none. */
  readonly adapter: InspectedAdapter | null;
}

/** What is looked at, and how. */
export interface InspectOptions extends PlaceOptions {
  /** Takes only tensors whose names match; counts follow it. */
  readonly filter?: RegExp;
  /** Takes statistics of those tensors, which reads all their data. */
  readonly stats?: Omit<StatsOptions, "onBytes"> & {
    /** Called with the bytes read so far and of all that are to be. */
    readonly onProgress?: (done: number, total: number) => void;
  };
}

/**
 * Looks at a checkpoint or an adapter folder; reads headers only, unless statistics are asked for.
 *
 * @param location A file or a folder: a path or an address.
 * @param options Which tensors, how servers are reached, and whether to take statistics.
 * @returns What is there.
 * @throws {TinygraftError} the codes of `openCheckpoint`.
 *
 * @example The adapter that the repository ships
 * ```ts
 * import { inspectLocation } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const { adapter } = await inspectLocation("fixtures/mini/adapter");
 * assertEquals(adapter?.numHeads, 4);
 * ```
 */
export async function inspectLocation(
  location: string,
  options: InspectOptions = {},
): Promise<Inspection> {
  // One access for all that looks at the location, so that nothing is asked for twice.
  const { remote = new RemoteAccess(), cached } = options;
  using opened = await openAny(location, { remote, cached });
  const { checkpoint, adapter } = opened;
  const entries = [...checkpoint.tensors.values()]
    .filter(({ name }) => options.filter?.test(name) ?? true);
  const stats = options.stats && await statsOf(entries, options.stats);
  const tensors = entries.map((entry) => ({
    name: entry.name,
    dtype: entry.dtype,
    shape: entry.shape,
    bytes: bytesOf(entry),
    file: entry.file.path,
    ...(stats === undefined ? {} : { stats: stats.get(entry) ?? null }),
  }));
  return {
    files: checkpoint.files.map(({ path, header, source }) => ({
      path,
      bytes: source.byteLength,
      metadata: Object.fromEntries(header.metadata),
    })),
    tensors,
    parameters: tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    bytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
    ...architectureOf(checkpoint),
    adapter: adapter === undefined ? null : describeAdapter(adapter, checkpoint),
  };
}

async function statsOf(
  entries: readonly TensorEntry[],
  { onProgress, ...options }: NonNullable<InspectOptions["stats"]>,
): Promise<Map<TensorEntry, TensorStats | null>> {
  const total = entries.reduce((sum, entry) => sum + bytesOf(entry), 0);
  let done = 0;
  const onBytes = (bytes: number) => {
    done += bytes;
    onProgress?.(done, total);
  };
  const stats = new Map<TensorEntry, TensorStats | null>();
  for (const entry of entries) stats.set(entry, await tensorStats(entry, { ...options, onBytes }));
  return stats;
}

function bytesOf({ dataOffsets: [begin, end] }: TensorEntry): number {
  return end - begin;
}

interface Opened extends Disposable {
  readonly checkpoint: Checkpoint;
  readonly adapter: Adapter | undefined;
}

/** An adapter folder's weights are a checkpoint of their own name; all else is a checkpoint. */
async function openAny(location: string, places: PlaceOptions): Promise<Opened> {
  const isFolder = await findAdapterFolder(location, places) !== undefined;
  const adapter = isFolder ? await tryOpenAdapter(location, places) : undefined;
  if (adapter !== undefined) {
    const checkpoint = await openCheckpoint(location, { ...places, weights: ADAPTER_WEIGHTS });
    return opened(checkpoint, adapter);
  }
  const checkpoint = await openCheckpoint(location, places);
  try {
    return opened(checkpoint, embeddedAdapter(checkpoint, { withoutClassifier: true }));
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

function opened(checkpoint: Checkpoint, adapter: Adapter | undefined): Opened {
  return {
    checkpoint,
    adapter,
    [Symbol.dispose]() {
      adapter?.close();
      checkpoint.close();
    },
  };
}

async function tryOpenAdapter(
  location: string,
  places: PlaceOptions,
): Promise<Adapter | undefined> {
  try {
    return await openAdapter(location, { ...places, withoutClassifier: true });
  } catch (error) {
    if (error instanceof TinygraftError && error.code === "not-an-adapter") return undefined;
    throw error;
  }
}

function architectureOf(
  checkpoint: Checkpoint,
): Pick<Inspection, "architecture" | "architectureNote"> {
  if (checkpoint.config === undefined) {
    return { architecture: null, architectureNote: null };
  }
  try {
    const { config, prefix } = resolveModel(
      checkpoint.config,
      checkpoint.tensors,
      checkpoint.location,
    );
    const { modelType, hiddenSize, numHiddenLayers, numAttentionHeads } = config;
    const { intermediateSize, vocabSize } = config;
    return {
      architecture: {
        modelType,
        prefix,
        hiddenSize,
        numHiddenLayers,
        numAttentionHeads,
        intermediateSize,
        vocabSize,
      },
      architectureNote: null,
    };
  } catch (error) {
    // A checkpoint of another kind can still be looked at; the reason is shown, not hidden.
    if (!(error instanceof TinygraftError)) throw error;
    return { architecture: null, architectureNote: error.message };
  }
}

function describeAdapter(adapter: Adapter, checkpoint: Checkpoint): InspectedAdapter {
  const { config, numLabels } = adapter;
  const specs = adapterTensors(config, numLabels);
  const parameters = specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const all = [...checkpoint.tensors.values()];
  const base = all.reduce((sum, { shape }) => sum + elementCount(shape), 0) - parameters;
  return {
    numHeads: config.numHeads,
    headDim: config.headDim,
    combine: config.combine,
    placement: config.placement,
    parameters,
    share: adapter.embedded && base > 0 ? parameters / base : null,
    task: config.task,
    baseModelNameOrPath: config.baseModelNameOrPath,
  };
}
