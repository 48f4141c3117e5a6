/**
 * What a backend in a worker and its owner tell each other.
 *
 * @module
 */

import { DeviceError, type ErrorCode, TinygraftError } from "../../errors.ts";
import type { BatchSize, Waited } from "../backend.ts";
import type { Op } from "../ops/op.ts";
import type { RaggedBatch, Value, Weight } from "../value.ts";
import type { ElementType } from "./matrix.ts";
import type { Room } from "./room.ts";

/** Numbers a value or weight: both sides count alike. */
export type ResourceId = number;

/** How a backend is opened, as far as it can be sent. */
export interface OpenMessage extends BatchSize {
  /** Which message this is. */
  readonly kind: "open";
  /** Element type of weights and activations. */
  readonly precision: ElementType;
  /** Whether the owner keeps which kernels are fastest. */
  readonly tuned: boolean;
}

/** An operation with numbers in place of values and weights. */
export interface SentOp {
  /** What the operation holds otherwise. */
  readonly plain: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Its values and weights. */
  readonly resources: Readonly<Record<string, ResourceId>>;
}

/** A call of a backend. Arrays are transferred, other than those of a batch. */
export type Command =
  | {
    readonly call: "weight";
    readonly id: ResourceId;
    readonly weight: Weight;
    readonly data: Float32Array<ArrayBuffer>;
  }
  | { readonly call: "value"; readonly id: ResourceId; readonly value: Value }
  | { readonly call: "begin"; readonly batch: RaggedBatch }
  | {
    readonly call: "write";
    readonly id: ResourceId;
    readonly data: Float32Array<ArrayBuffer>;
  }
  | { readonly call: "run"; readonly op: SentOp }
  | { readonly call: "free"; readonly id: ResourceId };

/** What the owner tells the worker. */
export type ToWorker =
  | OpenMessage
  /** Calls to carry out, and what to read afterwards. */
  | {
    readonly kind: "do";
    readonly commands: readonly Command[];
    readonly read?: { readonly id: number; readonly values: readonly ResourceId[] };
  }
  /** What the owner had kept, or that it has kept something. */
  | { readonly kind: "cached"; readonly finding: string | undefined }
  | { readonly kind: "destroy" };

/** What is known of a backend once it is open. */
export interface OpenedBackend {
  /** Whether the driver computes on the CPU. */
  readonly software: boolean;
  /** The adapter's name. */
  readonly description: string;
  /** Tokens that a batch may hold. */
  readonly maxTokens: number;
  /** What its matrices may be. */
  readonly room: Room;
}

/** What the worker tells its owner. */
export type FromWorker =
  | { readonly kind: "ready" }
  /** The worker's module could not be loaded. */
  | { readonly kind: "unstartable"; readonly reason: string }
  /** Undefined when there is no such adapter. */
  | { readonly kind: "opened"; readonly backend: OpenedBackend | undefined }
  | { readonly kind: "notOpened"; readonly error: SentError }
  | { readonly kind: "cacheGet"; readonly key: string }
  | { readonly kind: "cacheSet"; readonly key: string; readonly finding: string }
  /** The values of a read, transferred, and how long reads have taken so far. */
  | {
    readonly kind: "done";
    readonly id: number;
    readonly values: Float32Array<ArrayBuffer>[];
    readonly waited: Waited;
  }
  | { readonly kind: "failed"; readonly id: number; readonly error: SentError };

/** An error as plain data: sending one as such loses its class and code. */
export interface SentError {
  /** The class to make it of again. */
  readonly type: "DeviceError" | "TinygraftError" | "RangeError" | "TypeError";
  /** The message. */
  readonly message: string;
  /** The code of an error of tinygraft. */
  readonly code: ErrorCode;
}

/**
 * Lays an operation out for sending.
 *
 * @param op The operation.
 * @param idOf Gives the number of a value or weight.
 * @returns The same with numbers.
 */
export function packOp(op: Op, idOf: (resource: Value | Weight) => ResourceId): SentOp {
  const plain: Record<string, string | number | boolean | undefined> = {};
  const resources: Record<string, ResourceId> = {};
  const fields: Record<string, string | number | boolean | undefined | Value | Weight> = { ...op };
  for (const [name, field] of Object.entries(fields)) {
    if (typeof field === "object") resources[name] = idOf(field);
    else plain[name] = field;
  }
  return { plain, resources };
}

/**
 * Makes an operation of what was sent.
 *
 * @param sent What {@linkcode packOp} gave.
 * @param resourceOf Gives the value or weight of a number.
 * @returns The operation.
 */
export function unpackOp(
  { plain, resources }: SentOp,
  resourceOf: (id: ResourceId) => Value | Weight,
): Op {
  const entries = Object.entries(resources).map(([name, id]) => [name, resourceOf(id)]);
  return { ...plain, ...Object.fromEntries(entries) } as unknown as Op;
}

/**
 * Lays an error out for sending.
 *
 * @param error What was thrown.
 * @returns What its receiver needs to know; an error of another class becomes an internal one.
 */
export function packError(error: unknown): SentError {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof TinygraftError ? error.code : "internal";
  if (error instanceof DeviceError) return { type: "DeviceError", message, code };
  if (error instanceof RangeError) return { type: "RangeError", message, code };
  if (error instanceof TypeError) return { type: "TypeError", message, code };
  return { type: "TinygraftError", message, code };
}

/**
 * Makes an error of what was sent.
 *
 * @param sent What {@linkcode packError} gave.
 * @returns An error of the same class, message and code.
 */
export function unpackError({ type, message, code }: SentError): Error {
  switch (type) {
    case "DeviceError":
      return new DeviceError(message, { code });
    case "RangeError":
      return new RangeError(message);
    case "TypeError":
      return new TypeError(message);
    case "TinygraftError":
      return new TinygraftError(message, { code });
  }
}
