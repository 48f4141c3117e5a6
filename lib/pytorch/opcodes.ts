/**
 * The opcodes of Python's pickle format, protocols 0 to 5, and what those allowed here do.
 *
 * Source: Python's standard library, module pickletools.
 *
 * @module
 */

import { plainInteger } from "./cursor.ts";
import type { PickleMachine } from "./machine.ts";
import type { PickleValue } from "./values.ts";

/** One opcode. */
export interface Opcode {
  /** Its name in Python's documentation. */
  readonly name: string;
  /** Carries it out; undefined for an opcode that tensors do not need. */
  readonly run: ((machine: PickleMachine) => void) | undefined;
}

type Row = [code: string, name: string, run?: (machine: PickleMachine) => void];

const PUSH: readonly Row[] = [
  ["N", "NONE", (m) => m.push(null)],
  ["\x88", "NEWTRUE", (m) => m.push(true)],
  ["\x89", "NEWFALSE", (m) => m.push(false)],
  ["I", "INT", (m) => m.push(parseInt32(m))],
  ["J", "BININT", (m) => m.push(m.cursor.int32())],
  ["K", "BININT1", (m) => m.push(m.cursor.uint(1))],
  ["M", "BININT2", (m) => m.push(m.cursor.uint(2))],
  ["L", "LONG", (m) => m.push(parseLong(m, m.cursor.line().replace(/L$/, "")))],
  ["\x8a", "LONG1", (m) => m.push(m.cursor.long(m.cursor.uint(1)))],
  ["\x8b", "LONG4", (m) => m.push(m.cursor.long(m.cursor.uint(4)))],
  ["F", "FLOAT", (m) => (m.cursor.line(), pushOpaque(m, "a float"))],
  ["G", "BINFLOAT", (m) => (m.cursor.skip(8), pushOpaque(m, "a float"))],
  ["S", "STRING", (m) => m.push(parseQuoted(m))],
  ["T", "BINSTRING", (m) => m.push(m.cursor.text(m.cursor.uint(4)))],
  ["U", "SHORT_BINSTRING", (m) => m.push(m.cursor.text(m.cursor.uint(1)))],
  ["V", "UNICODE", (m) => m.push(parseEscaped(m, m.cursor.line()))],
  ["X", "BINUNICODE", (m) => m.push(m.cursor.text(m.cursor.uint(4)))],
  ["\x8c", "SHORT_BINUNICODE", (m) => m.push(m.cursor.text(m.cursor.uint(1)))],
  ["\x8d", "BINUNICODE8", (m) => m.push(m.cursor.text(m.cursor.length64()))],
  ["B", "BINBYTES", (m) => (m.cursor.skip(m.cursor.uint(4)), pushOpaque(m, "bytes"))],
  ["C", "SHORT_BINBYTES", (m) => (m.cursor.skip(m.cursor.uint(1)), pushOpaque(m, "bytes"))],
  ["\x8e", "BINBYTES8", (m) => (m.cursor.skip(m.cursor.length64()), pushOpaque(m, "bytes"))],
  [
    "\x96",
    "BYTEARRAY8",
    (m) => (m.cursor.skip(m.cursor.length64()), pushOpaque(m, "a bytearray")),
  ],
];

const CONTAINERS: readonly Row[] = [
  ["(", "MARK", (m) => m.mark()],
  [")", "EMPTY_TUPLE", (m) => m.tuple([])],
  ["\x85", "TUPLE1", (m) => m.tuple(popped(m, 1))],
  ["\x86", "TUPLE2", (m) => m.tuple(popped(m, 2))],
  ["\x87", "TUPLE3", (m) => m.tuple(popped(m, 3))],
  ["t", "TUPLE", (m) => m.tuple(m.popMark())],
  ["]", "EMPTY_LIST", (m) => m.pushNew({ kind: "list", items: [], depth: 1 })],
  ["l", "LIST", (m) => filled(m, { kind: "list", items: [], depth: 1 }, (it) => m.append(it))],
  ["a", "APPEND", (m) => m.append(popped(m, 1))],
  ["e", "APPENDS", (m) => m.append(m.popMark())],
  ["}", "EMPTY_DICT", (m) => m.pushNew({ kind: "dict", entries: undefined, depth: 1 })],
  [
    "d",
    "DICT",
    (m) => filled(m, { kind: "dict", entries: undefined, depth: 1 }, (it) => m.setItems(it)),
  ],
  ["s", "SETITEM", (m) => m.setItems(popped(m, 2))],
  ["u", "SETITEMS", (m) => m.setItems(m.popMark())],
  ["\x8f", "EMPTY_SET", (m) => pushOpaque(m, "a set")],
  ["\x90", "ADDITEMS", (m) => m.addItems()],
  ["\x91", "FROZENSET", (m) => (m.popMark(), pushOpaque(m, "a frozenset"))],
];

const OTHERS: readonly Row[] = [
  ["\x80", "PROTO", (m) => checkProtocol(m)],
  ["\x95", "FRAME", (m) => void m.cursor.length64()],
  ["p", "PUT", (m) => m.memoize(parseIndex(m))],
  ["q", "BINPUT", (m) => m.memoize(m.cursor.uint(1))],
  ["r", "LONG_BINPUT", (m) => m.memoize(m.cursor.uint(4))],
  ["\x94", "MEMOIZE", (m) => m.memoize()],
  ["g", "GET", (m) => m.recall(parseIndex(m))],
  ["h", "BINGET", (m) => m.recall(m.cursor.uint(1))],
  ["j", "LONG_BINGET", (m) => m.recall(m.cursor.uint(4))],
  ["c", "GLOBAL", (m) => m.global(m.cursor.line(), m.cursor.line())],
  ["\x93", "STACK_GLOBAL", (m) => {
    const name = m.pop();
    m.global(m.pop(), name);
  }],
  ["R", "REDUCE", (m) => m.call()],
  ["\x81", "NEWOBJ", (m) => m.call()],
  ["b", "BUILD", (m) => m.build()],
  ["Q", "BINPERSID", (m) => m.storage()],
  // Known by name only: nothing that PyTorch writes needs them.
  ["0", "POP"],
  ["1", "POP_MARK"],
  ["2", "DUP"],
  ["P", "PERSID"],
  ["i", "INST"],
  ["o", "OBJ"],
  ["\x82", "EXT1"],
  ["\x83", "EXT2"],
  ["\x84", "EXT4"],
  ["\x92", "NEWOBJ_EX"],
  ["\x97", "NEXT_BUFFER"],
  ["\x98", "READONLY_BUFFER"],
];

/** The opcode that ends a pickle. */
export const STOP: number = ".".charCodeAt(0);

/** Every opcode but STOP by its byte. */
export const OPCODES: ReadonlyMap<number, Opcode> = new Map(
  [...PUSH, ...CONTAINERS, ...OTHERS].map(([code, name, run]) =>
    [code.charCodeAt(0), { name, run }] as const
  ),
);

function pushOpaque(machine: PickleMachine, what: string): void {
  machine.pushNew({ kind: "opaque", what });
}

function popped(machine: PickleMachine, count: number): PickleValue[] {
  const items = Array.from({ length: count }, () => machine.pop());
  return items.reverse();
}

/** Makes a container of all values above the mark. */
function filled(
  machine: PickleMachine,
  container: PickleValue,
  fill: (items: readonly PickleValue[]) => void,
): void {
  const items = machine.popMark();
  machine.pushNew(container);
  fill(items);
}

function checkProtocol(machine: PickleMachine): void {
  const protocol = machine.cursor.uint(1);
  if (protocol <= 5) return;
  throw machine.cursor.error(`its pickle has protocol ${protocol}, expected at most 5`);
}

/** The text form of an integer, in which protocol 0 also writes booleans. */
function parseInt32(machine: PickleMachine): boolean | number | bigint {
  const text = machine.cursor.line();
  if (text === "00") return false;
  return text === "01" ? true : parseLong(machine, text);
}

function parseLong(machine: PickleMachine, text: string): number | bigint {
  if (!/^-?\d{1,150}$/.test(text)) {
    throw machine.cursor.error(`its pickle holds ${JSON.stringify(text)} as an integer`);
  }
  return plainInteger(BigInt(text));
}

function parseIndex(machine: PickleMachine): number {
  const index = parseLong(machine, machine.cursor.line());
  if (typeof index === "number" && index >= 0) return index;
  throw machine.cursor.error(`its pickle keeps a value under ${index}`);
}

/** A string in quotes, as Python's repr writes it; with escapes it would not be a tensor's name. */
function parseQuoted(machine: PickleMachine): string {
  const text = machine.cursor.line();
  const match = /^'([^'\\]*)'$|^"([^"\\]*)"$/.exec(text);
  if (match === null) throw machine.cursor.error("its pickle holds a string with escapes");
  return match[1] ?? match[2] ?? "";
}

/** Text with \u and \U escapes. */
function parseEscaped(machine: PickleMachine, text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/g, (_all, short, long) => {
    const point = parseInt(short ?? long, 16);
    if (point <= 0x10ffff) return String.fromCodePoint(point);
    throw machine.cursor.error("its pickle holds text that is not Unicode");
  });
}
