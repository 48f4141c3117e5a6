// How dispatches of kernels that both families share are described.

import { assert, assertEquals } from "@std/assert";
import {
  countIndex,
  dispatchFor,
  entryItems,
  type SharedDispatch,
} from "../../../lib/compute/ops/both_families.ts";
import type { RowsFollow, Value } from "../../../lib/compute/value.ts";

const value = (cols: number, rowsFollow: RowsFollow): Value => ({ label: "v", rowsFollow, cols });
const COUNTS = { tokens: 10, sequences: 3, pairs: 40, blocks: 4 };

const SHARED: SharedDispatch = {
  label: "what people see",
  name: "copy",
  code: () => "// text",
  constants: { COLS: 9 },
  reads: { x: value(9, "tokens") },
  writes: { wide: value(9001, "batch") },
  indices: ["counts"],
  items: [100, 3],
  flops: 1,
};

Deno.test("entryItems() gives an entry an item, and folds the one row of a batch", () => {
  assertEquals(entryItems(value(9, "tokens"), COUNTS), [3, 10]);
  assertEquals(entryItems(value(4, "sequences"), COUNTS), [1, 3]);
  assertEquals(entryItems(value(9, "batch"), COUNTS), [3, 1]);
  assertEquals(entryItems(value(9001, "batch"), COUNTS), [1024, 3]); // 2251 entries
});

Deno.test("countIndex() says which of the counts a value's rows are", () => {
  assertEquals([countIndex(value(1, "tokens")), countIndex(value(1, "sequences"))], [0, 1]);
});

Deno.test("dispatchFor() gives each invocation an item, or a workgroup where they share it", () => {
  const sizes = (["textures", "buffers"] as const).flatMap((family) =>
    [false, true].map((together) => dispatchFor(family, { ...SHARED, together }).workgroups)
  );
  assertEquals(sizes, [[13, 3], [13, 3], [2, 3], [100, 3]]);
});

Deno.test("dispatchFor() tells buffers alone how long lines are", () => {
  assertEquals(dispatchFor("textures", SHARED).constants, { COLS: 9 });
  const buffers = dispatchFor("buffers", SHARED);
  assertEquals(buffers.constants, { COLS: 9, X_WIDTH: 3, WIDE_WIDTH: 1024 });
  assertEquals(buffers.bindings, [SHARED.reads.x!, SHARED.writes.wide!, "counts"]);
  assert(buffers.kernel.code().includes("@binding(2) var<storage, read> counts: array<u32>;"));
});
