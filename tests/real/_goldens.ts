// Adapters trained by PyTorch on a real encoder, with what PyTorch says of them.

import { decodeFloats } from "../../lib/tensor/decode.ts";
import { openCheckpoint, readTensor } from "../../lib/checkpoint/open.ts";
import { sharedPath } from "../_shared.ts";

/** One golden with a merged variant. */
export interface Golden {
  /** Its folder's name. */
  readonly name: string;
  /** The task preset. */
  readonly task: string;
  /** The GLUE folder of its data. */
  readonly data: string;
}

/** Every golden whose four heads were merged. */
export const GOLDENS: readonly Golden[] = [
  { name: "cola_h4", task: "cola", data: "CoLA" },
  { name: "mrpc_h4", task: "mrpc", data: "MRPC" },
  { name: "sst2_h4", task: "sst2", data: "SST-2" },
  { name: "sst2_h4_route", task: "sst2", data: "SST-2" },
  { name: "stsb_h4", task: "stsb", data: "STS-B" },
];

/** The real encoder, and a golden's files; undefined where ../shared is absent. */
export function goldenPaths({ name, data }: Golden) {
  const base = sharedPath("models/all-minilm-l6-v2");
  const folder = sharedPath(`goldens/${name}`);
  const rows = sharedPath(`data/glue/${data}/dev.tsv`);
  if (base === undefined || folder === undefined || rows === undefined) return undefined;
  const variant = (variant: string) => `${folder}/${variant}`;
  return { base, data: rows, variant, report: `${folder}/report.json` };
}

/** PyTorch's metrics of a golden's variants. */
export async function readReport(path: string): Promise<Record<string, Record<string, number>>> {
  return JSON.parse(await Deno.readTextFile(path)).dev;
}

/** PyTorch's logits of a variant for the whole dev set, `f32 [rows, labels]`. */
export async function readLogits(folder: string): Promise<Float32Array> {
  using checkpoint = await openCheckpoint(`${folder}/dev_logits.safetensors`);
  const entry = checkpoint.tensors.get("logits")!;
  return decodeFloats(await readTensor(entry), "F32");
}

/**
 * How far logits may be from PyTorch's: both sum in f32, in different orders, through six layers;
 * the largest difference seen is a tenth of this.
 */
export const LOGIT_TOLERANCE = { atol: 2e-4, rtol: 0 };
