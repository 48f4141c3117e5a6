/**
 * How kernels are to be run on a device: which family, and which tiles.
 *
 * @module
 */

/** Rows and columns of the tile that an invocation of the texture family's `linear` computes. */
export type Tile = 8 | 16;

/** How the buffer family's `linear` shares out its work. */
export interface BlockTile {
  /** Rows that an invocation computes. */
  readonly rows: number;
  /** Columns that an invocation computes, a multiple of four. */
  readonly cols: number;
  /** Invocations of a workgroup along the rows. */
  readonly threadRows: number;
  /** Invocations of a workgroup along the columns. */
  readonly threadCols: number;
  /** Entries of four elements of the inner dimension that are in workgroup memory at a time. */
  readonly depth: number;
}

/**
 * How kernels are run. Matrices lie in textures, which software drivers read fast, or in storage
 * buffers with tiles in workgroup memory, which real GPUs do.
 */
export type KernelPlan =
  | { readonly family: "textures"; readonly tile: Tile }
  | { readonly family: "buffers"; readonly tile: BlockTile };

/** Plans by name. The names are kept in caches of measurements: a changed plan gets a new name. */
export const KERNEL_PLANS = {
  "textures-8": { family: "textures", tile: 8 },
  "textures-16": { family: "textures", tile: 16 },
  "buffers-32x32": blocks(2, 4, 16, 8),
  "buffers-64x64": blocks(4, 4, 16, 16),
  "buffers-64x64-wide": blocks(8, 8, 8, 8),
  "buffers-128x64": blocks(8, 4, 16, 16),
  "buffers-128x128": blocks(8, 8, 16, 16),
} as const satisfies Record<string, KernelPlan>;

/** The name of a plan. */
export type PlanName = keyof typeof KERNEL_PLANS;

/**
 * Bytes of workgroup memory that a plan's kernels take at most.
 *
 * @param plan The plan.
 * @returns The number of bytes; 0 for textures.
 */
export function workgroupBytes(plan: KernelPlan): number {
  if (plan.family === "textures") return 0;
  const { rows, cols, threadRows, threadCols, depth } = plan.tile;
  // As the kernel lays its tiles out, with what keeps neighbours in different banks.
  return 16 * depth * (rows * threadRows + 2 + cols * threadCols + 4 + 6);
}

function blocks(rows: number, cols: number, threadRows: number, threadCols: number) {
  return { family: "buffers", tile: { rows, cols, threadRows, threadCols, depth: 4 } } as const;
}
