// Small damage to valid files, for fuzzing.

const TOKENS = [
  ...'{}[],:" 0-e.\\\n',
  "\\u0000",
  "\\ud800",
  "\\ud83d\\ude00",
  "null",
  "true",
  "1e0",
  "1e999",
  "-0",
  "0.0",
  "00",
  "9007199254740993",
  "18446744073709551615",
  "18446744073709551616",
  '"F32"',
  '"F4"',
  '"f32"',
  '"shape":[],',
  '"dtype":"U8",',
  '"extra":{"a":[1,{"b":null}]},',
  '"__metadata__":{"a":"b"},',
  '"__metadata__":null,',
  '"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},',
  "\ufeff",
  "\u00a0",
  "\u{1f600}",
].map((token) => new TextEncoder().encode(token));

const STRUCTURE = new Set([..."{[:,"].map((character) => character.charCodeAt(0)));

/** Damages a file in one place or up to three; the input stays unchanged. */
export function mutate(file: Uint8Array, random: () => number): Uint8Array<ArrayBuffer> {
  let bytes = new Uint8Array(file);
  const count = random() < 0.6 ? 1 : 2 + Math.floor(random() * 2);
  for (let i = 0; i < count; i++) bytes = mutateOnce(bytes, random);
  // Mostly the length bytes are mended, so that the damage gets past the first rules.
  if (random() < 0.8 && bytes.length >= 8) {
    const length = new DataView(file.buffer, file.byteOffset).getBigUint64(0, true);
    const mended = length + BigInt(bytes.length - file.length);
    new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, mended), true);
  }
  return bytes;
}

function mutateOnce(bytes: Uint8Array<ArrayBuffer>, random: () => number): Uint8Array<ArrayBuffer> {
  const pick = (length: number) => Math.floor(random() * length);
  const at = random() < 0.1 ? pick(8) : pick(bytes.length + 1);
  switch (pick(7)) {
    case 0: { // one bit
      if (at < bytes.length) bytes[at]! ^= 1 << pick(8);
      return bytes;
    }
    case 1: // a digit, where there is one
      for (let i = at; i < bytes.length; i++) {
        if (bytes[i]! < 0x30 || bytes[i]! > 0x39) continue;
        bytes[i] = 0x30 + pick(10);
        break;
      }
      return bytes;
    case 2: // a token more
      return splice(bytes, at, 0, TOKENS[pick(TOKENS.length)]!);
    case 3: // a token instead
      return splice(bytes, at, 1 + pick(4), TOKENS[pick(TOKENS.length)]!);
    case 4: // some bytes less
      return splice(bytes, at, 1 + pick(8), new Uint8Array());
    case 5: // a token more, where a value or a key may begin
      return splice(bytes, startOfValue(bytes, at), 0, TOKENS[pick(TOKENS.length)]!);
    default: { // a piece twice
      const piece = bytes.slice(at, at + 1 + pick(60));
      return splice(bytes, at, 0, piece);
    }
  }
}

/** The first place from `at` on that follows a brace, bracket, colon or comma. */
function startOfValue(bytes: Uint8Array, at: number): number {
  for (let i = at; i < bytes.length; i++) {
    if (STRUCTURE.has(bytes[i]!)) return i + 1;
  }
  return at;
}

function splice(
  bytes: Uint8Array,
  at: number,
  removed: number,
  added: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const rest = bytes.subarray(Math.min(bytes.length, at + removed));
  const result = new Uint8Array(at + added.length + rest.length);
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(rest, at + added.length);
  return result;
}
