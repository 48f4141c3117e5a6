import { assert, assertEquals } from "@std/assert";
import { assembleKernels } from "../../../lib/compute/ops/wasm.ts";

for (const relaxed of [true, false]) {
  Deno.test(`assembleKernels() writes the same valid bytes each time, relaxed: ${relaxed}`, () => {
    const bytes = assembleKernels({ relaxed });
    assert(WebAssembly.validate(bytes));
    assertEquals(bytes, assembleKernels({ relaxed }));
  });
}

Deno.test("assembleKernels() multiplies and adds in one step only where it may", () => {
  const RELAXED_MADD = [0xfd, 0x85, 0x02];
  const count = (relaxed: boolean) => {
    const bytes = assembleKernels({ relaxed });
    return bytes.filter((_, i) => RELAXED_MADD.every((byte, k) => bytes[i + k] === byte)).length;
  };
  assertEquals(count(false), 0);
  assert(count(true) > 100);
});
