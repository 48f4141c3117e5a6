import { assertEquals, assertThrows } from "@std/assert";
import { F32, I32, V128 } from "../../../lib/compute/assembler/expressions.ts";
import { type FunctionBuilder, ModuleBuilder } from "../../../lib/compute/assembler/module.ts";

const RESULT = 1024;

/** Runs a function's statements and gives the words that they leave at address 1024. */
function run(build: (f: FunctionBuilder, a: I32, result: I32) => void, a = 0, relaxed = false) {
  const module = new ModuleBuilder({ relaxed }, 256);
  const handle = module.function(["a", "result"], (f, { a, result }) => build(f, a, result));
  module.export("run", handle);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65535, shared: true });
  const compiled = new WebAssembly.Module(module.encode());
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  (exports["run"] as (a: number, result: number) => void)(a, RESULT);
  return {
    ints: [...new Int32Array(memory.buffer, RESULT, 4)],
    floats: [...new Float32Array(memory.buffer, RESULT, 4)],
  };
}

Deno.test("integers compute as in the specification, unsigned where it matters", () => {
  const of = (make: (a: I32) => I32, a: number) =>
    run((f, x, result) => f.store(result, make(x)), a).ints[0];
  assertEquals(of((a) => a.add(3).sub(1).mul(4).div(3).rem(5), 4), 3); // 24 / 3 = 8
  assertEquals(of((a) => a.div(2), -2), 0x7fffffff);
  assertEquals(of((a) => a.lt(5), -1), 0);
  assertEquals(of((a) => a.ge(5), -1), 1);
  assertEquals(of((a) => a.min(7), 9), 7);
  assertEquals(of((a) => a.roundUp(8), 9), 16);
  assertEquals(of((a) => a.and(6).shl(2), 5), 16);
  assertEquals(of((a) => a.select(1, 2), 0), 2);
});

Deno.test("vectors compute lane by lane", () => {
  const of = (make: (f: FunctionBuilder) => V128) =>
    run((f, _, result) => f.store(result, make(f))).floats;
  const x = V128.integers(0, 1, 2, 3).shlIntegers(1); // 0 2 4 6 as integers
  const y = (f: FunctionBuilder) => f.let(new V128([...x.code, 0xfd, 0xfa, 0x01])); // as floats
  assertEquals(of((f) => y(f).add(f.constant(1)).mul(f.constant(0.5))), [0.5, 1.5, 2.5, 3.5]);
  assertEquals(of((f) => y(f).sub(f.constant(3)).abs()), [3, 1, 1, 3]);
  assertEquals(of((f) => f.constant(12).div(y(f))), [Infinity, 6, 3, 2]);
  const within = (x: V128, f: FunctionBuilder) => x.atLeast(f.constant(3)).atMost(f.constant(5));
  assertEquals(of((f) => within(y(f), f).neg()), [-3, -3, -4, -5]);
  assertEquals(of((f) => within(f.constant(NaN), f)), [NaN, NaN, NaN, NaN]);
  assertEquals(of((f) => y(f).max(f.constant(3))), [3, 3, 4, 6]);
  assertEquals(of((f) => y(f).where(y(f).lt(f.constant(3)), f.constant(9))), [0, 2, 9, 9]);
  assertEquals(of((f) => y(f).shuffle(f.constant(7), 3, 4, 0, 1)), [6, 7, 0, 2]);
  assertEquals(of((f) => y(f).lanes(2)), [4, 4, 4, 4]);
  assertEquals(of((f) => y(f).and(V128.integers(-1, 0, -1, 0))), [0, 0, 4, 0]);
  assertEquals(of((f) => y(f).lane(3).splat()), [6, 6, 6, 6]);
});

Deno.test("madd() is a product and a sum, relaxed or not", () => {
  for (const relaxed of [false, true]) {
    const { floats } = run(
      (f, _, result) => f.store(result, f.madd(f.constant(3), f.constant(4), f.constant(5))),
      0,
      relaxed,
    );
    assertEquals(floats, [17, 17, 17, 17]);
  }
});

Deno.test("for() and while() make no turn when there is nothing to do", () => {
  const sum = (count: number) =>
    run((f, a, result) => {
      const total = f.let(I32.of(0));
      f.for(1, a.add(1), 1, (i) => f.set(total, total.add(i)));
      f.while(total.lt(3), () => f.set(total, total.add(10)));
      f.store(result, total);
    }, count).ints[0];
  assertEquals([0, 1, 2, 4].map(sum), [10, 11, 3, 10]);
});

Deno.test("when() takes one way, call() passes parameters by name, copy() copies bytes", () => {
  const module = new ModuleBuilder({ relaxed: false }, 256);
  const twice = module.function(["to", "value"], (f, { to, value }) => f.store(to, value.mul(2)));
  const handle = module.function(["a"], (f, { a }) => {
    f.when(
      a,
      () => f.call(twice, { value: a, to: RESULT }),
      () => f.store(I32.of(RESULT), F32.of(1)),
    );
    f.copy(I32.of(RESULT + 4), I32.of(RESULT), 4);
  });
  module.export("run", handle);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65535, shared: true });
  const compiled = new WebAssembly.Module(module.encode());
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  const words = new Int32Array(memory.buffer, RESULT, 2);
  (exports["run"] as (a: number) => void)(21);
  assertEquals([...words], [42, 42]);
  (exports["run"] as (a: number) => void)(0);
  assertEquals([...words], [0x3f800000, 0x3f800000]);
});

Deno.test("set() refuses what is no local variable", () => {
  const module = new ModuleBuilder({ relaxed: false }, 256);
  const build = () => module.function(["a"], (f, { a }) => f.set(a.add(1), a));
  assertThrows(build, TypeError, "expected a local variable");
});
