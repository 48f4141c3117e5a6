// Which files the fake Hub keeps as large ones. The real choice is the Hub's own; this one goes by
// the names that its first .gitattributes lists, and by length.

/** Names of large files. */
export const TRACKED: readonly string[] = [
  "*.bin",
  "*.ckpt",
  "*.npz",
  "*.onnx",
  "*.parquet",
  "*.pt",
  "*.safetensors",
  "*.zip",
];

/** Longest small file, in bytes. */
export const MOST_REGULAR_BYTES = 10 * 1024 * 1024;

/** How a file is to be uploaded. */
export function uploadMode(path: string, size: number): "lfs" | "regular" {
  const isTracked = TRACKED.some((glob) => path.endsWith(glob.slice(1)));
  return (isTracked && size > 0) || size > MOST_REGULAR_BYTES ? "lfs" : "regular";
}
