/**
 * Expressions of WebAssembly: what pushes one value. Kernels combine them with methods, as in
 * `x.add(y).mul(2)`; nothing is computed twice unless an expression is written twice, for which
 * `FunctionBuilder.let` gives it a local variable.
 *
 * Opcodes are those of the WebAssembly Core Specification 2.0, section 5.4, and of the relaxed SIMD
 * proposal, which is part of version 3.0.
 *
 * @module
 */

import { float, signed, unsigned } from "./encode.ts";

const SIMD = 0xfd;

/** Bytes of instructions, with the parts that they are made of in their places. */
export type Code = readonly (number | Code)[];

/** Pushes one value. */
export abstract class Expression {
  /**
   * Makes an expression.
   *
   * @param code Its instructions.
   * @param local The local variable's number, when it is one and may be assigned.
   */
  constructor(readonly code: Code, readonly local?: number) {}
}

/** An integer, or a number that stands for a constant. */
export type Int = I32 | number;
/** A float, or a number that stands for a constant. */
export type Float = F32 | number;

/** A 32-bit integer: a count or an address in bytes. Comparisons are unsigned. */
export class I32 extends Expression {
  /** Makes a constant of a number. */
  static of(value: Int): I32 {
    return typeof value === "number" ? new I32([0x41, ...signed(value)]) : value;
  }
  /** `this + other` */
  add(other: Int): I32 {
    return other === 0 ? this : this.#with(other, 0x6a);
  }
  /** `this - other` */
  sub(other: Int): I32 {
    return this.#with(other, 0x6b);
  }
  /** `this * other` */
  mul(other: Int): I32 {
    return this.#with(other, 0x6c);
  }
  /** `this / other`, rounded down. */
  div(other: Int): I32 {
    return this.#with(other, 0x6e);
  }
  /** The remainder of `this / other`. */
  rem(other: Int): I32 {
    return this.#with(other, 0x70);
  }
  /** `this & other` */
  and(other: Int): I32 {
    return this.#with(other, 0x71);
  }
  /** `this << bits` */
  shl(bits: Int): I32 {
    return this.#with(bits, 0x74);
  }
  /** 1 if `this < other`, else 0. */
  lt(other: Int): I32 {
    return this.#with(other, 0x49);
  }
  /** 1 if `this >= other`, else 0. */
  ge(other: Int): I32 {
    return this.#with(other, 0x4f);
  }
  /** The smaller of two expressions without side effects; both are computed twice. */
  min(other: Int): I32 {
    return this.lt(other).select(this, other);
  }
  /** `this ? yes : no`; both are computed. */
  select(yes: Int, no: Int): I32 {
    return new I32([I32.of(yes).code, I32.of(no).code, this.code, 0x1b]);
  }
  /** Rounds up to a multiple of a power of two. */
  roundUp(multiple: number): I32 {
    return this.add(multiple - 1).and(-multiple);
  }
  /** The integer at this address plus an offset in bytes. */
  loadI32(offset = 0): I32 {
    return new I32([this.code, 0x28, ...memory(offset)]);
  }
  /** The float at this address plus an offset in bytes. */
  loadF32(offset = 0): F32 {
    return new F32([this.code, 0x2a, ...memory(offset)]);
  }
  /** The four floats at this address plus an offset in bytes. */
  load(offset = 0): V128 {
    return new V128([this.code, SIMD, 0x00, ...memory(offset)]);
  }
  /** The float at this address plus an offset in bytes, in all four lanes. */
  loadSplat(offset = 0): V128 {
    return new V128([this.code, SIMD, 0x09, ...memory(offset)]);
  }
  /** This integer as a float. */
  toF32(): F32 {
    return new F32([this.code, 0xb3]);
  }
  /** This integer in all four lanes. */
  splat(): V128 {
    return new V128([this.code, SIMD, 0x11]);
  }
  #with(other: Int, opcode: number): I32 {
    return new I32([this.code, I32.of(other).code, opcode]);
  }
}

/** A 32-bit float. */
export class F32 extends Expression {
  /** Makes a constant of a number. */
  static of(value: Float): F32 {
    return typeof value === "number" ? new F32([0x43, ...float(value)]) : value;
  }
  /** `this + other` */
  add(other: Float): F32 {
    return this.#with(other, 0x92);
  }
  /** `this * other` */
  mul(other: Float): F32 {
    return this.#with(other, 0x94);
  }
  /** `this / other` */
  div(other: Float): F32 {
    return this.#with(other, 0x95);
  }
  /** The larger; NaN if either is. */
  max(other: Float): F32 {
    return this.#with(other, 0x97);
  }
  /** The square root. */
  sqrt(): F32 {
    return new F32([this.code, 0x91]);
  }
  /** This float, from 0 to below 2^32, as an integer, rounded to zero. */
  toI32(): I32 {
    return new I32([this.code, 0xa9]);
  }
  /** This float in all four lanes. */
  splat(): V128 {
    return new V128([this.code, SIMD, 0x13]);
  }
  #with(other: Float, opcode: number): F32 {
    return new F32([this.code, F32.of(other).code, opcode]);
  }
}

/** Four floats, or four integers where a method's name says so. */
export class V128 extends Expression {
  /** Four zeros. */
  static zero(): V128 {
    return V128.integers(0, 0, 0, 0);
  }
  /** Four integers. */
  static integers(...lanes: readonly [number, number, number, number]): V128 {
    return new V128([SIMD, 0x0c, ...new Uint8Array(Int32Array.from(lanes).buffer)]);
  }
  /** `this + other` */
  add(other: V128): V128 {
    return this.#with(other, 0xe4);
  }
  /** `this - other` */
  sub(other: V128): V128 {
    return this.#with(other, 0xe5);
  }
  /** `this * other` */
  mul(other: V128): V128 {
    return this.#with(other, 0xe6);
  }
  /** `this / other` */
  div(other: V128): V128 {
    return this.#with(other, 0xe7);
  }
  /** The larger of each pair; NaN if either is. */
  max(other: V128): V128 {
    return this.#with(other, 0xe9);
  }
  /** `other < this ? other : this`: one instruction where `min` takes several; NaN stays NaN. */
  atMost(other: V128): V128 {
    return this.#with(other, 0xea);
  }
  /** `this < other ? other : this`: one instruction where `max` takes several; NaN stays NaN. */
  atLeast(other: V128): V128 {
    return this.#with(other, 0xeb);
  }
  /** Without signs. */
  abs(): V128 {
    return this.#alone(0xe0);
  }
  /** With the other sign. */
  neg(): V128 {
    return this.#alone(0xe1);
  }
  /** All bits set in the lanes where `this < other`, floats. */
  lt(other: V128): V128 {
    return this.#with(other, 0x43);
  }
  /** All bits set in the lanes where `this >= other`, unsigned integers. */
  geUnsigned(other: V128): V128 {
    return this.#with(other, 0x40);
  }
  /** All bits set in the lanes where `this < other`, signed integers. */
  ltIntegers(other: V128): V128 {
    return this.#with(other, 0x39);
  }
  /** The bits set in both. */
  and(other: V128): V128 {
    return this.#with(other, 0x4e);
  }
  /** This vector's bits where the mask's are set, elsewhere those of `no`. */
  where(mask: V128, no: V128): V128 {
    return new V128([this.code, no.code, mask.code, SIMD, 0x52]);
  }
  /** Integers shifted left. */
  shlIntegers(bits: number): V128 {
    return new V128([this.code, I32.of(bits).code, SIMD, ...unsigned(0xab)]);
  }
  /** Integers shifted right, zeros coming in. */
  shrIntegers(bits: number): V128 {
    return new V128([this.code, I32.of(bits).code, SIMD, ...unsigned(0xad)]);
  }
  /** Products of integers, their low 32 bits. */
  mulIntegers(other: V128): V128 {
    return this.#with(other, 0xb5);
  }
  /** The bits set in one of both. */
  xor(other: V128): V128 {
    return this.#with(other, 0x51);
  }
  /** Sums of integers. */
  addIntegers(other: V128): V128 {
    return this.#with(other, 0xae);
  }
  /** Four lanes of the eight of `this` and `other`, by number: 0 to 3 are of `this`. */
  shuffle(other: V128, ...lanes: readonly [number, number, number, number]): V128 {
    const bytes = lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte));
    return new V128([this.code, other.code, SIMD, 0x0d, ...bytes]);
  }
  /** One lane in all four. */
  lanes(lane: number): V128 {
    return this.shuffle(this, lane, lane, lane, lane);
  }
  /** One lane. */
  lane(lane: number): F32 {
    return new F32([this.code, SIMD, 0x1f, lane]);
  }
  /** `this * factor + addend`, rounded once where the processor can, else twice. */
  relaxedMadd(factor: V128, addend: V128): V128 {
    return new V128([this.code, factor.code, addend.code, SIMD, ...unsigned(0x105)]);
  }
  #with(other: V128, opcode: number): V128 {
    return new V128([this.code, other.code, SIMD, ...unsigned(opcode)]);
  }
  #alone(opcode: number): V128 {
    return new V128([this.code, SIMD, ...unsigned(opcode)]);
  }
}

/** Alignment and offset of a load or store; 2 is the alignment of four bytes, which all keep. */
export function memory(offset: number): number[] {
  return [2, ...unsigned(offset)];
}
