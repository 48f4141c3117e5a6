/**
 * Kernels that both families share: their text says what one item of the work is, and what is put
 * before and after it says how matrices are read and written and who does which item.
 *
 * A text defines `fn compute(item: vec2u, lane: u32)`. A matrix that is bound as `x` is read by
 * `load_x(entry, row)` and written by `store_x(entry, row, value)`, four columns an entry; stores
 * past the end do nothing. An item is for one invocation, or, where {@linkcode SharedDispatch.together}
 * says so, for several that share it: they are the lanes 0 to `LANES - 1`, all of them call
 * `total(lane, value)` to add up, and lane 0 stores what is stored once. With textures there is but
 * one lane.
 *
 * @module
 */

import { rowsOf, type Value, type Weight } from "../value.ts";
import {
  type BatchCounts,
  type Binding,
  type Dispatch,
  entries,
  type IndexName,
  LANES,
  LINE_ENTRIES,
  type Temporary,
} from "./dispatch.ts";
import type { KernelPlan } from "./plan.ts";
import reduce from "./reduce.wgsl" with { type: "text" };

/** Which way matrices are kept. */
export type Family = KernelPlan["family"];

/** Invocations of a workgroup that have an item each. */
const ALONE = { textures: 8, buffers: 64 } as const;

/** How kernels know the batch's index buffers. */
const INDEX_TYPES = {
  spans: "vec2u",
  blocks: "vec4u",
  selected: "vec4u",
  starts: "u32",
  counts: "u32",
} as const satisfies Record<IndexName, string>;

/** What a kernel is bound to, by the names that it uses. */
export interface SharedBindings {
  /** Matrices that it reads. */
  readonly reads: Readonly<Record<string, Value | Weight | Temporary>>;
  /** Matrices that it writes. */
  readonly writes: Readonly<Record<string, Value | Temporary>>;
  /** Index buffers. */
  readonly indices?: readonly IndexName[];
}

/** One dispatch of a kernel that both families share. */
export interface SharedDispatch extends SharedBindings {
  /** Shown in device errors and debuggers. */
  readonly label: string;
  /** The kernel's name. */
  readonly name: string;
  /** Makes the kernel's text. */
  readonly code: () => string;
  /** Values of its `override` constants. */
  readonly constants: Readonly<Record<string, number>>;
  /** Items along x and y; along x more are computed, which the kernel leaves alone. */
  readonly items: readonly [x: number, y: number];
  /** Whether an item is for several invocations. */
  readonly together?: boolean;
  /** Floating-point operations, about. */
  readonly flops: number;
}

/**
 * Describes a dispatch for one family.
 *
 * @param family The family.
 * @param shared The dispatch.
 * @returns What the backend runs.
 */
export function dispatchFor(family: Family, shared: SharedDispatch): Dispatch {
  const { reads, writes, indices = [], items, together = false } = shared;
  const matrices = { ...reads, ...writes };
  const inGroup = family === "buffers" && together;
  const perWorkgroup = inGroup ? 1 : ALONE[family];
  const widths = Object.entries(matrices).map(([name, matrix]) => [
    `${name.toUpperCase()}_WIDTH`,
    lineEntries(matrix),
  ]);
  return {
    label: shared.label,
    kernel: {
      name: shared.name,
      code: () =>
        [shared.code(), declare(family, shared), mainOf(perWorkgroup, inGroup)].join("\n"),
    },
    constants: {
      ...shared.constants,
      ...(family === "buffers" ? Object.fromEntries(widths) : {}),
    },
    bindings: [...Object.values<Binding>(matrices), ...indices],
    workgroups: [Math.ceil(items[0] / perWorkgroup), items[1]],
    flops: shared.flops,
  };
}

/**
 * Items to cover a matrix, one an entry: entries of a line along x, lines along y.
 *
 * @param value The matrix.
 * @param counts The batch's counts.
 * @returns The items.
 */
export function entryItems(value: Value, counts: BatchCounts): [x: number, y: number] {
  const width = lineEntries(value);
  return [width, Math.ceil(entries(value.cols) / width) * rowsOf(value, counts)];
}

/**
 * Which of the batch's `counts` says how many rows a value has.
 *
 * @param value The value; its rows follow the tokens or the sequences.
 * @returns The index.
 */
export function countIndex({ rowsFollow }: Value): number {
  return rowsFollow === "tokens" ? 0 : 1;
}

/** Entries in a line of a matrix: of a row, unless the one row is so long that it has several. */
function lineEntries(matrix: Value | Weight | Temporary): number {
  const width = entries(matrix.cols);
  const long = "rowsFollow" in matrix && matrix.rowsFollow === "batch";
  return long ? Math.min(width, LINE_ENTRIES) : width;
}

/** Declares what a kernel is bound to, and how it reads and writes matrices. */
function declare(family: Family, { reads, writes, indices = [] }: SharedBindings): string {
  const [inputs, outputs] = [Object.keys(reads), Object.keys(writes)];
  const lines = [...inputs, ...outputs].map((name, binding) =>
    (family === "textures" ? textureMatrix : bufferMatrix)(name, binding, outputs.includes(name))
  );
  for (const [i, index] of indices.entries()) {
    const binding = inputs.length + outputs.length + i;
    lines.push(`${at(binding)} var<storage, read> ${index}: array<${INDEX_TYPES[index]}>;`);
  }
  return lines.join("\n");
}

function textureMatrix(name: string, binding: number, written: boolean): string {
  return written
    ? `${at(binding)} var ${name}: texture_storage_2d<rgba32float, write>;
fn store_${name}(entry: u32, row: u32, value: vec4f) {
  textureStore(${name}, vec2u(entry, row), value);
}`
    : `${at(binding)} var ${name}: texture_2d<f32>;
fn load_${name}(entry: u32, row: u32) -> vec4f {
  return textureLoad(${name}, vec2u(entry, row), 0);
}`;
}

function bufferMatrix(name: string, binding: number, written: boolean): string {
  const width = `${name.toUpperCase()}_WIDTH`;
  return written
    ? `${at(binding)} var<storage, read_write> ${name}: array<Entry${binding}>;
override ${width}: u32;
fn store_${name}(entry: u32, row: u32, value: vec4f) {
  let index = row * ${width} + entry;
  if (index < arrayLength(&${name})) {
    ${name}[index] = Entry${binding}(value);
  }
}`
    : `${at(binding)} var<storage, read> ${name}: array<Entry${binding}>;
override ${width}: u32;
fn load_${name}(entry: u32, row: u32) -> vec4f {
  return vec4f(${name}[row * ${width} + entry]);
}`;
}

function at(binding: number): string {
  return `@group(0) @binding(${binding})`;
}

/** The entry point, and how lanes add up. */
function mainOf(workgroup: number, inGroup: boolean): string {
  return inGroup
    ? `const LANES = ${LANES}u;
${reduce}
@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  compute(group.xy, lane);
}`
    : `const LANES = 1u;
fn total(lane: u32, value: vec4f) -> vec4f {
  return value;
}
@compute @workgroup_size(${workgroup}, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  compute(id.xy, 0u);
}`;
}
