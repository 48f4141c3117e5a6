/**
 * What is known of an adapter when its card is written.
 *
 * @module
 */

import type { CheckFacts } from "./card_check.ts";

/** What a card says of an adapter. */
export interface CardFacts {
  /** The model's name: of its folder or repository. */
  readonly name: string;
  /** The repository that it is pushed to, `org/name`, if that is known. */
  readonly repository?: string | undefined;
  /** The base, as the adapter's config names it. */
  readonly baseModel: string | null;
  /** Content hash of the base, if known. */
  readonly baseContentHash: string | null;
  /** Content hash of the adapter. */
  readonly contentHash: string;
  /** Heads of every layer, or one number a layer. */
  readonly numHeads: number | readonly number[];
  /** Width of a head. */
  readonly headDim: number;
  /** Layers. */
  readonly numLayers: number;
  /** Whether it has a classifier; else a head of the base's answers. */
  readonly hasClassifier: boolean;
  /** Parameters, the classifier's among them. */
  readonly parameters: number;
  /** What it decides. */
  readonly task: {
    readonly type: "classification" | "regression";
    readonly labels: readonly string[] | null;
    readonly dataset?: string;
  };
  /** Whether the folder is a whole checkpoint that carries the adapter. */
  readonly isCheckpoint: boolean;
  /** Whether the code for Python's transformers lies beside it. */
  readonly hasPython?: boolean | undefined;
  /** What it was merged from; empty for one that was not. */
  readonly mergedFrom: readonly {
    readonly contentHash: string;
    readonly heads: number | readonly number[];
    readonly method: string;
    readonly weight: number;
  }[];
  /** How it was trained, as its config records it. */
  readonly training?: Readonly<Record<string, unknown>> | undefined;
  /** What a check of it found. */
  readonly check?: CheckFacts | undefined;
  /** The licence to state where the card states none. */
  readonly license?: string | undefined;
  /** The data set's id on the Hub, with the name of its part: `nyu-mll/glue/sst2`. */
  readonly dataset?: string | undefined;
}
