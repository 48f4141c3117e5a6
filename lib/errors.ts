/**
 * Every error class of tinygraft and the table of its stable codes.
 *
 * @module
 */

/**
 * What each stable code means. Codes are part of the command line's contract: `--json` prints
 * them, scripts match on them, and none is ever renamed. Message texts may change.
 */
export const ERROR_CODES = {
  // The safetensors format: named after the reference implementation's own variants.
  "header-too-small": "the file has fewer than 8 bytes",
  "header-too-large": "the header length is over the cap of 100,000,000 bytes",
  "invalid-header-length": "the header length reaches past the end of the file",
  "invalid-header": "the header is not valid UTF-8",
  "invalid-header-deserialization": "the header is not one JSON object of the right types",
  "duplicate-key": "a key stands twice in one JSON object of a header or index",
  "unknown-dtype": "a tensor has a dtype that the format does not define",
  "dimension-too-large": "a dimension or offset is over 2^53 - 1",
  "invalid-offset": "tensors leave a hole, overlap or share bytes",
  "validation-overflow": "a shape times its dtype overflows 64 bits",
  "misaligned-slice": "a sub-byte tensor does not end on a whole byte",
  "tensor-invalid-info": "a tensor's byte range does not match its shape and dtype",
  "metadata-incomplete-buffer": "the tensors do not end where the file ends",
  "invalid-tensor-view": "tensor data to write has another length than its shape and dtype",
  "invalid-tensor-name": "a tensor cannot be written under this name",
  "invalid-metadata": "a metadata key or value cannot be written",
  // Checkpoints on disk.
  "not-found": "a file or folder that is needed does not exist",
  "not-a-checkpoint": "the location holds no safetensors checkpoint",
  "unreadable": "a file could not be read",
  "invalid-json": "a JSON file could not be parsed",
  "invalid-index": "model.safetensors.index.json is malformed",
  "unsafe-file-name": "a file name from an index would leave its folder",
  "missing-shard": "the index names a shard that is not there",
  "unlisted-shard": "a shard is there that the index does not name",
  "tensor-in-two-shards": "one tensor name stands in two shards",
  "tensor-not-in-shard": "the index names a shard that lacks the tensor",
  "tensor-not-in-index": "a shard holds a tensor that the index does not name",
  "wrong-total-size": "metadata.total_size of the index is not the sum of the tensors' bytes",
  "metadata-conflict": "shards disagree about a metadata key",
  "changed-while-open": "an input changed while it was being read",
  // Servers: the Hub, and others.
  "hub-unauthorized": "the server wants a valid token",
  "hub-forbidden": "the server does not let this user read it",
  "gated-repo": "the terms of a gated repository have not been accepted",
  "repo-not-found": "the Hub has no such repository, or none that this user may see",
  "revision-not-found": "the repository has no such branch, tag or commit",
  "file-not-found": "the server has no such file",
  "rate-limited": "the server still asks for fewer requests after all tries",
  "hub-unavailable": "the server did not answer, or only with errors, after all tries",
  "unexpected-answer": "a server answered in a way that cannot be followed or understood",
  "range-ignored": "the server cannot send a part of a file",
  "size-mismatch": "a server sent another number of bytes than announced",
  "checksum-mismatch": "content from the Hub has another checksum than the Hub lists",
  "offline": "requests are switched off",
  "visibility-differs": "a repository is private where a public one was asked for, or the reverse",
  "stale-parent": "somebody else changed the branch in the meantime",
  "not-copied": "the Hub does not copy large files from one repository to another",
  "too-large": "the server takes no file or commit of this size",
  "card-invalid": "the Hub refuses the front matter of a model card",
  "push-verify-failed": "what the Hub lists after a push differs from what was pushed",
  // Other formats.
  "invalid-zip": "a zip archive is damaged or of a kind that cannot be read",
  "unsafe-pickle": "a pickle asks for something that tensors do not need, or for too much",
  "invalid-pickle": "a pickle or a PyTorch file makes no sense",
  "invalid-npy": "an array of a .npz file cannot be read",
  "unsupported-tensor": "a tensor is sparse, quantised or otherwise not a plain one",
  "no-state-dict": "a PyTorch file holds no dict of tensors",
  "ambiguous-state-dict": "a PyTorch file holds several dicts of tensors",
  // Models.
  "invalid-config": "config.json lacks a key or holds an unusable value",
  "unsupported-architecture": "the model is of a kind that tinygraft does not know",
  "missing-tensor": "a tensor that the architecture or adapter needs is absent",
  "unexpected-tensor": "a tensor is there that the architecture or adapter does not know",
  "shape-mismatch": "a tensor has another shape than expected",
  "unsupported-dtype": "a tensor's dtype cannot be used for this",
  "non-finite": "a tensor or a result holds NaN or infinity",
  // Adapters.
  "invalid-adapter-config": "adapter_config.json lacks a key or holds an unusable value",
  "unsupported-format-version": "the adapter was written by a newer tinygraft",
  "not-an-adapter": "the location holds no tiny-attention adapter",
  "adapter-mismatch": "the adapter does not fit the base",
  "base-mismatch": "the adapter was made for a base with other tensor content",
  "task-mismatch": "adapters to be merged decide different things",
  "adapter-present": "the checkpoint carries a tiny-attention adapter already",
  "no-adapter": "the checkpoint carries no tiny-attention adapter",
  "tensor-exists": "a tensor to be added is there already",
  "unknown-config-key": "adapter_config.json holds a key that tinygraft does not know",
  // Adapters in other layouts.
  "ambiguous-layout": "an adapter's tensors can be read in more than one way",
  "unsupported-placement": "an adapter stands in a layer where tinygraft runs none",
  "unsupported-variant": "one adapter layout cannot express what an adapter of another computes",
  // Converting.
  "no-match": "a pattern matches no tensor",
  "name-collision": "two tensors would get one name",
  "value-out-of-range": "a value has no place in the dtype to cast to",
  // Writing.
  "output-exists": "the output is there already and --force was not given",
  "output-is-input": "the output is one of the inputs",
  "unwritable-output": "the output cannot be written",
  "foreign-files": "the folder to replace holds files that tinygraft did not write",
  "verify-failed": "what was read back differs from what was written",
  // Text and data.
  "invalid-tokenizer": "tokenizer.json cannot be used",
  "unknown-task": "no task of this name is known",
  "missing-column": "a data set lacks a column",
  "malformed-row": "a row of a data set cannot be read",
  "invalid-parquet": "a Parquet file cannot be read",
  "unknown-label": "a row carries a label that the classifier does not have",
  "label-mismatch": "the classifier's labels and the task's do not agree",
  "empty-data": "a data set has no rows",
  "undefined-metric": "a metric has no value on a data set whose labels are all equal",
  "invalid-cloze": "a cloze pattern or its words cannot be used with the base's tokenizer",
  "invalid-predictions": "a file is not what check --predictions wrote",
  "shard-mismatch": "predictions to combine are of different checks",
  "duplicate-rows": "a row stands in more than one of the predictions to combine",
  "missing-rows": "predictions to combine lack rows",
  "baseline-mismatch": "a baseline was measured on other data or another task",
  "one-class": "a data set to learn from has rows of one class only",
  "state-mismatch": "a saved state of training belongs to a run with other options or inputs",
  "diverged": "training went to infinity or NaN",
  "invalid-encoding": "a text file is not valid UTF-8",
  "sequence-too-long": "a token sequence is longer than the position table",
  // Devices.
  "no-adapter-device": "no WebGPU adapter is available",
  "device-error": "the device reported an error",
  "device-lost": "the device was lost",
  "out-of-memory": "the device has no room for a matrix",
  "no-half-precision": "the device does not compute with 16-bit floats",
  "kernel-compile": "a kernel did not compile",
  // Gates.
  "invalid-suite": "tinygraft.yaml is no list of checks, or sets something unusable",
  // The command line.
  "usage": "the command line cannot be understood",
  "interrupted": "the work was interrupted",
  "internal": "an unexpected error, most likely a defect of tinygraft",
} as const satisfies Record<string, string>;

/** A stable, machine-readable reason for a failure. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** What is known about a failure beside its message. */
export interface ErrorDetails {
  /** The stable reason. */
  readonly code: ErrorCode;
  /** The file or folder at fault, when there is one. */
  readonly path?: string | undefined;
  /** The tensor at fault, when there is one. */
  readonly tensor?: string | undefined;
  /** The error behind this one. */
  readonly cause?: unknown;
}

/** Base of every error that tinygraft throws on purpose. */
export class TinygraftError extends Error {
  /** The class's name. */
  override name = "TinygraftError";
  /** Machine-readable reason, stable: what `--json` prints. */
  readonly code: ErrorCode;
  /** The file or folder at fault, when there is one. */
  readonly path: string | undefined;
  /** The tensor at fault, when there is one. */
  readonly tensor: string | undefined;

  /**
   * Creates the error.
   *
   * @param message What was attempted, what was found and what to do.
   * @param details The stable code, and the path and tensor at fault.
   */
  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.path = details.path;
    this.tensor = details.tensor;
  }
}

/** Thrown for bytes that are not a valid safetensors file; a retry cannot help. */
export class SafetensorsError extends TinygraftError {
  /** The class's name. */
  override name = "SafetensorsError";
}

/** Thrown for text or data sets that cannot be read; names file and line. */
export class DataError extends TinygraftError {
  /** The class's name. */
  override name = "DataError";
}

/** Thrown when a compute device is missing, fails or is lost. */
export class DeviceError extends TinygraftError {
  /** The class's name. */
  override name = "DeviceError";
}

/** Thrown for a command called wrongly, before any work: exit code 2. */
export class UsageError extends TinygraftError {
  /** The class's name. */
  override name = "UsageError";

  /**
   * Creates the error.
   *
   * @param message What is wrong with the call and how to mend it.
   * @param details A code other than `usage`, where one fits better.
   */
  constructor(message: string, details: Partial<ErrorDetails> = {}) {
    super(message, { code: "usage", ...details });
  }
}

/** Thrown when the caller's signal aborted the work; nothing half-written is left. */
export class InterruptedError extends TinygraftError {
  /** The class's name. */
  override name = "InterruptedError";

  /** Creates the error. */
  constructor() {
    super("Interrupted: nothing half-written is left", { code: "interrupted" });
  }
}
