/**
 * Functions and modules of WebAssembly, written in TypeScript: loops of TypeScript unroll, functions
 * of TypeScript are macros, and no build step stands between a kernel's source and its bytes.
 *
 * @module
 */

import { float, list, name, section, signed, unsigned } from "./encode.ts";
import { type Code, type Expression, F32, I32, type Int, memory, V128 } from "./expressions.ts";

const VOID_BLOCK = 0x40;
const FUNCTION_TYPE = 0x60;
const SHARED_WITH_MAXIMUM = 0x03;

/** Most pages of 64 KiB: one less than 4 GiB, so that no end of a range wraps round to 0. */
export const MAX_PAGES = 65535;

/** The instruction set that a module is written for. */
export interface Target {
  /** Whether multiplication and addition may be one instruction (relaxed SIMD). */
  readonly relaxed: boolean;
}

/**
 * The constants of a module, in memory. A processor fetches one into all four lanes in one step,
 * where engines take several to make it of the instruction's own bytes: GELU takes a third of the
 * time.
 */
class ConstantPool {
  readonly #values: number[] = [];

  constructor(readonly address: number) {}

  /** The address of a constant; equal ones share it. */
  place(value: number): number {
    const known = this.#values.indexOf(value);
    return this.address + 4 * (known < 0 ? this.#values.push(value) - 1 : known);
  }

  encode(): number[] {
    return this.#values.flatMap(float);
  }
}

/** A function that others may call: its number and its parameters, all integers. */
export interface FunctionHandle<P extends string> {
  /** Its number in the module. */
  readonly index: number;
  /** Names of its parameters, in order. */
  readonly params: readonly P[];
}

/** Builds one function: statements are appended in the order of the calls. */
export class FunctionBuilder {
  readonly #code: number[] = [];
  readonly #locals: number[] = [];
  readonly #params: number;
  readonly #target: Target;
  readonly #constants: ConstantPool;

  /**
   * Begins a function.
   *
   * @param params How many parameters it has.
   * @param target What it may use.
   * @param constants Where the module's constants lie.
   */
  constructor(params: number, target: Target, constants: ConstantPool) {
    this.#params = params;
    this.#target = target;
    this.#constants = constants;
  }

  /** A number in all four lanes. */
  constant(value: number): V128 {
    return I32.of(0).loadSplat(this.#constants.place(value));
  }

  /** Gives a value a local variable, which later expressions may use many times. */
  let<E extends I32 | F32 | V128>(value: E): E {
    const index = this.#params + this.#locals.length;
    const [kind, type] = value instanceof V128
      ? [V128, 0x7b]
      : value instanceof F32
      ? [F32, 0x7d]
      : [I32, 0x7f];
    this.#locals.push(type);
    const local = new kind([0x20, ...unsigned(index)], index) as E;
    this.set(local, value);
    return local;
  }

  /** Assigns to a local variable made by `let`. */
  set<E extends Expression>(local: E, value: E): void {
    if (local.local === undefined) {
      throw new TypeError("Cannot assign to an expression, expected a local variable");
    }
    this.#emit(value.code, 0x21, ...unsigned(local.local));
  }

  /** `a * b + c`, in one instruction where the target has it. */
  madd(a: V128, b: V128, c: V128): V128 {
    return this.#target.relaxed ? a.relaxedMadd(b, c) : a.mul(b).add(c);
  }

  /** Writes a value to an address plus an offset in bytes. */
  store(address: I32, value: I32 | F32 | V128, offset = 0): void {
    const opcode = value instanceof V128 ? [0xfd, 0x0b] : value instanceof F32 ? [0x38] : [0x36];
    this.#emit(address.code, value.code, opcode, memory(offset));
  }

  /** Copies bytes from one address to another. */
  copy(to: I32, from: I32, bytes: Int): void {
    this.#emit(to.code, from.code, I32.of(bytes).code, 0xfc, 0x0a, 0, 0);
  }

  /** Does something when a condition is not 0, else something other or nothing. */
  when(condition: I32, then: () => void, otherwise?: () => void): void {
    this.#emit(condition.code, 0x04, VOID_BLOCK);
    then();
    if (otherwise !== undefined) {
      this.#emit(0x05);
      otherwise();
    }
    this.#emit(0x0b);
  }

  /** Repeats while a condition is not 0, which is looked at before each turn. */
  while(condition: I32, body: () => void): void {
    // One test before the loop and one at its end: a turn has one branch.
    this.when(condition, () => {
      this.#emit(0x03, VOID_BLOCK);
      body();
      this.#emit(condition.code, 0x0d, 0, 0x0b);
    });
  }

  /** Counts a new local from `start` while it is less than `end`, by `step`. */
  for(start: Int, end: Int, step: Int, body: (i: I32) => void): void {
    const i = this.let(I32.of(start));
    this.while(i.lt(end), () => {
      body(i);
      this.set(i, i.add(step));
    });
  }

  /** Calls a function of the module; every parameter is given by name. */
  call<P extends string>(callee: FunctionHandle<P>, args: Readonly<Record<P, Int>>): void {
    for (const param of callee.params) this.#emit(I32.of(args[param]).code);
    this.#emit(0x10, ...unsigned(callee.index));
  }

  /** The function's entry of the code section. */
  encode(): number[] {
    const locals = list(this.#locals.map((type) => [1, type]));
    const body = [...locals, ...this.#code, 0x0b];
    return [...unsigned(body.length), ...body];
  }

  #emit(...code: Code): void {
    flatten(code, this.#code);
  }
}

/** Appends the bytes of nested parts. */
function flatten(code: Code, to: number[]): void {
  for (let i = 0; i < code.length; i++) {
    const part = code[i]!;
    if (typeof part === "number") to.push(part);
    else flatten(part, to);
  }
}

/** Builds a module that works on one imported, shared memory, `env.memory`. */
export class ModuleBuilder {
  readonly #target: Target;
  readonly #constants: ConstantPool;
  readonly #functions: { readonly params: number; readonly code: readonly number[] }[] = [];
  readonly #exports: number[][] = [];

  /**
   * Begins a module.
   *
   * @param target What its functions may use.
   * @param constantsAddress Where in memory its constants lie, from there on.
   */
  constructor(target: Target, constantsAddress: number) {
    this.#target = target;
    this.#constants = new ConstantPool(constantsAddress);
  }

  /** Bytes that its constants take so far. */
  get constantBytes(): number {
    return this.#constants.encode().length;
  }

  /**
   * Adds a function of integer parameters that returns nothing.
   *
   * @param params Names of its parameters.
   * @param build Appends its statements.
   * @returns What callers need.
   */
  function<P extends string>(
    params: readonly P[],
    build: (f: FunctionBuilder, params: Record<P, I32>) => void,
  ): FunctionHandle<P> {
    const f = new FunctionBuilder(params.length, this.#target, this.#constants);
    const locals = params.map((param, i) => [param, new I32([0x20, ...unsigned(i)], i)]);
    build(f, Object.fromEntries(locals) as Record<P, I32>);
    this.#functions.push({ params: params.length, code: f.encode() });
    return { index: this.#functions.length - 1, params };
  }

  /**
   * Lets the outside call a function.
   *
   * @param as The name that the outside knows it by.
   * @param handle The function.
   */
  export(as: string, handle: FunctionHandle<string>): void {
    this.#exports.push([...name(as), 0x00, ...unsigned(handle.index)]);
  }

  /**
   * Writes the module.
   *
   * @returns Its bytes, the same for the same calls.
   */
  encode(): Uint8Array<ArrayBuffer> {
    const functions = this.#functions;
    const types = functions.map(({ params }) => [
      FUNCTION_TYPE,
      ...list(Array.from({ length: params }, () => [0x7f])),
      ...list([]),
    ]);
    const memoryType = [0x02, SHARED_WITH_MAXIMUM, ...unsigned(1), ...unsigned(MAX_PAGES)];
    const constants = this.#constants.encode();
    const place = [0x41, ...signed(this.#constants.address), 0x0b];
    const data = [0x00, ...place, ...unsigned(constants.length), ...constants];
    return Uint8Array.from([
      ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      ...section(1, list(types)),
      ...section(2, list([[...name("env"), ...name("memory"), ...memoryType]])),
      ...section(3, list(functions.map((_, i) => unsigned(i)))),
      ...section(7, list(this.#exports)),
      ...section(10, list(functions.map(({ code }) => code))),
      ...section(11, list([data])),
    ]);
  }
}
