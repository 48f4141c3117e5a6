// Damage to valid files that knows their structure: every rule of the format has something here
// that breaks it, or nearly does.

import type { FileLayout } from "../../lib/safetensors/writer.ts";
import { DTYPES } from "../../lib/tensor/dtype.ts";
import { fileOf } from "./_files.ts";

/** One entry of a header, every part as its raw JSON text. */
interface Member {
  key: string;
  /** The fields in order; `undefined` when `text` stands for the whole value. */
  fields: [key: string, value: string][] | undefined;
  text: string;
}

/** A file taken apart. */
interface Draft {
  members: Member[];
  before: string;
  after: string;
  data: Uint8Array;
  /** Turns the header's text into bytes. */
  encode: (text: string) => Uint8Array;
  /** Changes the finished file. */
  finish: ((file: Uint8Array) => Uint8Array)[];
}

/** Draws for a mutation. */
class Dice {
  constructor(readonly random: () => number) {}

  below(count: number): number {
    return Math.floor(this.random() * count);
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

type Mutation = (draft: Draft, dice: Dice) => void;

const DTYPE_NAMES = Object.keys(DTYPES);
const CAST_INTEGERS = [
  ...["0", "1", "2", "3", "4", "7", "8", "255", "65536", "4294967296"],
  ...["9007199254740991", "9007199254740992", "9007199254740993", "9223372036854775807"],
  ...["9223372036854775808", "18446744073709551615", "18446744073709551616"],
];
const NO_INTEGERS = [
  ...["-1", "-0", "0.0", "1.0", "1e0", "1E1", "1e999", "00", "01", "+1", "0x1", "1_0", ".5", "1."],
  ...['"1"', "null", "true", "[]", "{}", "NaN", "Infinity", "", "1 2"],
];
const SPACES = [" ", "\t", "\n", "\r", "  \n", "\0", "\f", "\v", "\u00a0", "\ufeff", "\u2028"];
const VALUES = ["null", "true", "0", '""', '"a"', "[]", "{}", "[[]]", '{"a":null}', '{"a":1e400}'];
const KEYS = [
  ...['""', '"\\u0000"', '"__metadata__"', '"\\u005f_metadata__"', '"\\ud83d\\ude00"', '"a b"'],
  ...['"\\ud800"', '"\\udc00"', '"\\udc00\\ud800"', '"\\x41"', '"\\u12"', '"a\tb"', '"a', "'a'"],
  ...["a", "null", '"__proto__"', '"\\/"', '"\u2028"', '"\ue000"', '"\u{10ffff}"', '"\x7f"'],
];

/** A tensor to damage; undefined when the file has none left. */
function pick(draft: Draft, dice: Dice): Member | undefined {
  const tensors = draft.members.filter(({ fields }) => fields !== undefined);
  return tensors.length === 0 ? undefined : dice.of(tensors);
}

/** Changes one field of one tensor. */
function editField(
  field: "dtype" | "shape" | "data_offsets",
  edit: (value: string, dice: Dice, draft: Draft) => string,
): Mutation {
  return (draft, dice) => {
    const member = pick(draft, dice);
    const entry = member?.fields?.find(([key]) => key === `"${field}"`);
    if (entry) entry[1] = edit(entry[1], dice, draft);
  };
}

function parts(list: string): string[] {
  const inner = list.replace(/^\[|\]$/g, "");
  return inner === "" ? [] : inner.split(",");
}

function nudge(value: string, dice: Dice): string {
  if (!/^\d+$/.test(value)) return value;
  return String(BigInt(value) + BigInt(dice.of([-8, -4, -2, -1, 1, 2, 4, 8])));
}

/** Changes one number of a list. */
function editNumber(list: string, dice: Dice, change: (value: string) => string): string {
  const values = parts(list);
  const at = dice.below(values.length);
  if (values.length > 0) values[at] = change(values[at]!);
  return `[${values.join(",")}]`;
}

const editNumbers = (list: string, dice: Dice) =>
  dice.of([
    () => editNumber(list, dice, (value) => nudge(value, dice)),
    () => editNumber(list, dice, (value) => nudge(value, dice)),
    () => editNumber(list, dice, () => dice.of(CAST_INTEGERS)),
    () => editNumber(list, dice, () => dice.of(NO_INTEGERS)),
    () => `[${[...parts(list), dice.of(CAST_INTEGERS)].join(",")}]`,
    () => `[${parts(list).slice(0, -1).join(",")}]`,
    () => `[${parts(list).toReversed().join(",")}]`,
    () => `[${parts(list).join(" ,\n")}]`,
    () => dice.of(VALUES),
  ])();

/** Shapes of as many elements, of none, and of more than can be counted. */
const editShape = (list: string, dice: Dice) =>
  dice.of([
    () => `[${["1", ...parts(list)].join(",")}]`,
    () => `[${[...parts(list), "0"].join(",")}]`,
    () => `[${[dice.of(CAST_INTEGERS), dice.of(CAST_INTEGERS), "0"].join(",")}]`,
    () => `[${["0", dice.of(CAST_INTEGERS), dice.of(CAST_INTEGERS)].join(",")}]`,
    () => "[]",
    () => `[${parts(list).reduce((product, size) => product * Number(size), 1)}]`,
  ])();

function moveOffsets(draft: Draft, dice: Dice, by: bigint): void {
  const from = dice.below(draft.members.length + 1);
  for (const { fields } of draft.members.slice(from)) {
    for (const field of fields ?? []) {
      if (field[0] !== '"data_offsets"') continue;
      const moved = parts(field[1]).map((value) =>
        /^\d+$/.test(value) ? BigInt(value) + by : value
      );
      field[1] = `[${moved.join(",")}]`;
    }
  }
}

function resize(data: Uint8Array, by: number): Uint8Array {
  const resized = new Uint8Array(Math.max(0, data.length + by));
  resized.set(data.subarray(0, resized.length));
  return resized;
}

const withLength = (change: (length: bigint, file: Uint8Array) => bigint) => (file: Uint8Array) => {
  const changed = new Uint8Array(file);
  const view = new DataView(changed.buffer);
  if (file.length >= 8) {
    const length = change(view.getBigUint64(0, true), file);
    view.setBigUint64(0, BigInt.asUintN(64, length), true);
  }
  return changed;
};

/** Every kind of damage, by the part of the format that it is about. */
const MUTATIONS: Readonly<Record<string, readonly Mutation[]>> = {
  length: [
    (draft, dice) =>
      draft.finish.push(withLength((n) => n + BigInt(dice.of([-9, -8, -1, 1, 7, 8, 64])))),
    (draft, dice) =>
      draft.finish.push(withLength((_, { length }) => BigInt(length - dice.of([0, 7, 8, 9])))),
    (draft, dice) =>
      draft.finish.push(
        withLength(() =>
          dice.of([0n, 1n, 2n, 100_000_000n, 100_000_001n, 2n ** 63n, 2n ** 64n - 1n])
        ),
      ),
    (draft, dice) => draft.finish.push((file) => file.subarray(0, dice.below(file.length + 1))),
    (draft, dice) => draft.finish.push((file) => file.subarray(0, dice.below(9))),
  ],
  json: [
    (draft, dice) => void (draft.before = dice.of([...SPACES, ...SPACES, "//\n", "[", "{", "x"])),
    (draft, dice) => void (draft.after += dice.of([...SPACES, "}", ",", "{}", "null", "x", "//"])),
    (draft, dice) => {
      const member = pick(draft, dice);
      if (member) member.key = dice.of(KEYS);
    },
    (draft, dice) => {
      const text = dice.of(VALUES);
      draft.members.push({ key: dice.of(KEYS), fields: undefined, text });
    },
    (draft, dice) => {
      const member = pick(draft, dice);
      const key = dice.of([
        '"extra"',
        '"shape"',
        '"dtype"',
        '"data_offsets"',
        '"sh\\u0061pe"',
        '""',
      ]);
      member?.fields?.splice(dice.below(4), 0, [key, dice.of(VALUES)]);
    },
    (draft, dice) => {
      const levels = dice.of([2, 100, 124, 125, 126, 127, 128, 200]);
      const text = `${"[".repeat(levels)}${"]".repeat(levels)}`;
      pick(draft, dice)?.fields?.push(['"deep"', text]);
    },
    (draft, dice) => void pick(draft, dice)?.fields?.splice(dice.below(3), 1),
    (draft, dice) => void pick(draft, dice)?.fields?.reverse(),
    (draft, dice) => {
      const member = pick(draft, dice);
      if (!member?.fields) return;
      const values = member.fields.map(([, value]) => value);
      member.text = dice.of([`[${values.join(",")}]`, "null", `"${values.length}"`, "[]", "{}"]);
      member.fields = undefined;
    },
    (draft, dice) => {
      const member = pick(draft, dice);
      if (member) {
        draft.members.splice(dice.below(draft.members.length), 0, structuredClone(member));
      }
    },
    (draft, dice) => void draft.members.splice(dice.below(draft.members.length), 1),
    (draft, dice) => void draft.members.sort(() => dice.random() - 0.5),
  ],
  metadata: [
    (draft, dice) => {
      const text = dice.of([
        ...["{}", "null", "[]", '{"a":1}', '{"a":null}', '{"a":["b"]}', '{"a":"b","a":"c"}', '"a"'],
        ...[
          '{"a":"\\ud800"}',
          '{"a":"\\u0000"}',
          '{"":""}',
          '{"a":"b",}',
          '{"a":"b","\\u0061":"c"}',
        ],
      ]);
      const at = dice.below(draft.members.length + 1);
      draft.members.splice(at, 0, { key: '"__metadata__"', fields: undefined, text });
    },
  ],
  dtype: [
    editField("dtype", (_, dice) => `"${dice.of(DTYPE_NAMES)}"`),
    editField("dtype", (_, dice) => `"${dice.of(DTYPE_NAMES)}"`),
    editField("dtype", (value, dice) =>
      dice.of([
        ...[
          value.toLowerCase(),
          `{${value}:null}`,
          `[${value}]`,
          '"F16 "',
          '""',
          '"E8M0"',
          '"FP4"',
        ],
        ...['"\\u0046\\u0033\\u0032"', '"F128"', '"F8"', "null", "0", '{"F32":{}}', '"F32\\u0000"'],
      ])),
  ],
  shape: [editField("shape", editNumbers), editField("shape", editShape)],
  offsets: [
    editField("data_offsets", editNumbers),
    editField("data_offsets", editNumbers),
    (draft, dice) => moveOffsets(draft, dice, BigInt(dice.of([-8, -1, 1, 8, 2 ** 40]))),
    editField("data_offsets", (value, dice, draft) => { // the range of another tensor
      const other = pick(draft, dice)?.fields?.find(([key]) => key === '"data_offsets"');
      return other?.[1] ?? value;
    }),
  ],
  data: [
    (draft, dice) => void (draft.data = resize(draft.data, dice.of([-8, -4, -2, -1, 1, 2, 8, 34]))),
    (draft) => void (draft.data = new Uint8Array()),
  ],
  encoding: [
    (draft, dice) => {
      const bytes = dice.of([[0xff], [0xc0, 0x80], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0x80]]
        .concat([[0xf4, 0x90, 0x80, 0x80], [0xf8], [0xc3], [0xef, 0xbb, 0xbf], [0xf0, 0x9f]]));
      draft.encode = (text) => {
        const encoded = new TextEncoder().encode(text);
        const at = dice.below(encoded.length + 1);
        return Uint8Array.from([...encoded.subarray(0, at), ...bytes, ...encoded.subarray(at)]);
      };
    },
    (draft) => {
      draft.encode = (text) =>
        Uint8Array.from([...text].flatMap((character) => {
          const unit = character.charCodeAt(0);
          return [unit & 255, unit >> 8];
        }));
    },
  ],
};

/** The kinds of damage that `mutateStructure` does. */
export const STRUCTURE_KINDS: readonly string[] = Object.keys(MUTATIONS);

function takeApart(layout: FileLayout, metadata: ReadonlyMap<string, string>): Draft {
  const members = layout.tensors.map(({ name, dtype, shape, dataOffsets }): Member => ({
    key: JSON.stringify(name),
    fields: [
      ['"dtype"', `"${dtype}"`],
      ['"shape"', `[${shape.join(",")}]`],
      ['"data_offsets"', `[${dataOffsets.join(",")}]`],
    ],
    text: "",
  }));
  if (metadata.size > 0) {
    const text = JSON.stringify(Object.fromEntries(metadata));
    members.unshift({ key: '"__metadata__"', fields: undefined, text });
  }
  const data = new Uint8Array(layout.byteLength - layout.headerBytes.byteLength);
  const encode = (text: string) => new TextEncoder().encode(text);
  return { members, before: "", after: "", data, encode, finish: [] };
}

function putTogether(draft: Draft): Uint8Array {
  const members = draft.members.map(({ key, fields, text }) =>
    `${key}:${fields ? `{${fields.map(([name, value]) => `${name}:${value}`).join(",")}}` : text}`
  );
  const header = draft.encode(`${draft.before}{${members.join(",")}}${draft.after}`);
  // Mostly padded as writers do, so that only the damage is unusual.
  const padded = new Uint8Array(Math.ceil(header.length / 8) * 8).fill(0x20);
  padded.set(header);
  const file = fileOf(draft.after === "" ? padded : header, draft.data);
  return draft.finish.reduce((whole, change) => change(whole), file);
}

/**
 * Makes a damaged file: one thing wrong with it, or two.
 *
 * @returns The file, and the kinds of damage done to it.
 */
export function mutateStructure(
  layout: FileLayout,
  metadata: ReadonlyMap<string, string>,
  random: () => number,
): { file: Uint8Array; kinds: string[] } {
  const dice = new Dice(random);
  const draft = takeApart(layout, metadata);
  for (let i = 0; i < draft.data.length; i++) draft.data[i] = dice.below(256);
  const kinds = random() < 0.7
    ? [dice.of(STRUCTURE_KINDS)]
    : [0, 1].map(() => dice.of(STRUCTURE_KINDS));
  for (const kind of kinds) dice.of(MUTATIONS[kind]!)(draft, dice);
  return { file: putTogether(draft), kinds };
}
