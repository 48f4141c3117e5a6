import { assertEquals } from "@std/assert";
import { type Dtype, DTYPES, isDtype, isFloatDtype } from "../../lib/tensor/dtype.ts";

Deno.test("DTYPES ranks the dtypes without gaps, in ascending order", () => {
  assertEquals(Object.values(DTYPES).map(({ rank }) => rank), [...Array(22).keys()]);
});

Deno.test("isDtype() takes exact spellings only", () => {
  assertEquals(["F32", "F8_E4M3FNUZ", "BOOL"].map(isDtype), [true, true, true]);
  for (const name of ["f32", "F33", "", "E8M0", "__proto__", "toString"]) {
    assertEquals(isDtype(name), false, name);
  }
});

Deno.test("isFloatDtype() names the dtypes of model weights", () => {
  const floats = (Object.keys(DTYPES) as Dtype[]).filter(isFloatDtype);
  assertEquals(floats, ["F16", "BF16", "F32", "F64"]);
});
