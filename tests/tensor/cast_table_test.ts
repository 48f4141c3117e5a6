import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { castTable, LOSS, lossOf, patternsOf } from "../../lib/tensor/cast_table.ts";

Deno.test("lossOf() tells rounding from what the target cannot hold", () => {
  assertEquals([lossOf(1.1, 1), lossOf(0, 0), lossOf(-0, 0), lossOf(NaN, NaN)], [0, 0, 0, 0]);
  assertEquals([lossOf(Infinity, Infinity), lossOf(-1, -1)], [0, 0]);
  assertEquals([lossOf(1e9, Infinity), lossOf(-1e9, NaN)], [LOSS.beyond, LOSS.beyond]);
  assertEquals([lossOf(Infinity, NaN), lossOf(-Infinity, NaN)], [LOSS.infinite, LOSS.infinite]);
  assertEquals([lossOf(1e-9, 0), lossOf(-1e-9, -0)], [LOSS.toZero, LOSS.toZero]);
});

Deno.test("castTable() holds known patterns with their losses", () => {
  const table = castTable("BF16", "F8_E4M3", true)!;
  const at = (pattern: number) =>
    [table.patterns[pattern], table.losses[pattern], table.values[pattern]] as const;
  assertEquals(at(0x3f80), [0x38, 0, 1]);
  assertEquals(at(0xc400), [0xfe, LOSS.beyond, -512]);
  assertEquals(at(0x7f80), [0x7e, LOSS.infinite, Infinity]);
  assertEquals(at(0x3000), [0x00, LOSS.toZero, 2 ** -31]);
  assertEquals(castTable("BF16", "F8_E4M3", false)!.patterns[0xc400], 0xff); // NaN
});

Deno.test("castTable() is made once, and only for what fits", () => {
  assertStrictEquals(castTable("F16", "F32", false), castTable("F16", "F32", false));
  assert(castTable("F16", "F32", false) !== castTable("F16", "F32", true));
  assertEquals(castTable("F32", "F16", false), undefined);
  assertEquals(castTable("F16", "F64", false), undefined);
});

Deno.test("patternsOf() views elements by their width", () => {
  const { buffer } = Uint8Array.of(1, 0, 2, 0);
  assertEquals([...patternsOf(buffer, "F8_E5M2")], [1, 0, 2, 0]);
  assertEquals([...patternsOf(buffer, "BF16")], [1, 2]);
  assertEquals([...patternsOf(buffer, "F32")], [0x20001]);
  assertEquals([...patternsOf(buffer, "F8_E5M2", 2)], [1, 0]);
});
