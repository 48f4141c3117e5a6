import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { parseDataset } from "../../lib/text/dataset.ts";
import { findTask } from "../../lib/text/tasks.ts";
import { createTokenizer } from "../../lib/text/tokenizer.ts";
import { sharedPath } from "../_shared.ts";

const FIXTURES = new URL("../../fixtures/", import.meta.url);

/** Texts, or pairs of texts, to encode at one maximum length. */
interface Group {
  readonly name: string;
  readonly texts: readonly string[];
  readonly pairs: readonly string[] | null;
  readonly maxLength: number;
}

const MAX_LENGTHS = [128, 32, 17, 16, 8, 5, 4, 3];
const ROWS_OF_A_TASK = 250;

const HOSTILE = [
  "",
  " ",
  "\t\r\n",
  "Crème brûlée, naïve façade; ÅNGSTRÖM Ǆ ǅ ﬁ ß ẞ İstanbul ıspanak",
  "e\u0301 e\u0327\u0301 a\u0301\u0327 \u0301 \u1e9b\u0323",
  "ΣΑΣ ΟΔΥΣΣΕΥΣ Σ ΑΣ.",
  "漢字かな交じり文 한국어 漢\u{20000}字\u{2a6d6}\u{2b81f}\u{2b820}\u{2b91f}\u{2b920}\u{2f800}x",
  "👋🏽 👩‍👩‍👧‍👦 🇫🇷 ☺️ a👍b",
  "a\u0000b\u0001c\u0007d\u001be\u007ff\u0085g\u00adh\u200bi\u200ej\u2028k\u2029l\ufeffm\ufffdn\ue000o",
  "a\u00a0b\u1680c\u2003d\u202fe\u205ff\u3000g\u180eh",
  "[CLS] [SEP] [MASK] [PAD] [UNK]",
  "a[SEP]b [MASK]. [mask] [ MASK ] [[SEP]] [SEP",
  "[SEP][SEP][CLS]",
  "\u0000[SEP] [S\u0000EP]",
  "x".repeat(100),
  "x".repeat(101),
  `${"é".repeat(100)} ${"é".repeat(101)} ${"😀".repeat(101)}`,
  "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
  "don't -- can't... (e.g.) $3.50 50% C++ C# a_b a*b #hashtag @user https://x.y/z?q=1&r=2",
  "“curly” ‘quotes’ — dash – … ¿qué? ¡sí! «non»  ‖  † ₂ ² ½ Ⅻ ㎏",
  "مرحبا بالعالم שָׁלוֹם नमस्ते สวัสดี ქართული Ελληνικά Русский й ё",
  `aaa${" ".repeat(200)}b`,
  "word ".repeat(150),
  "unaffable ##ing ## #",
  "a <mask> b  <mask>c <s></s> <pad> <unk>",
  "``quoted'' text  --  and   spaces ",
  "ﬃ ½ ² ™ … Ⅻ ﷺ か\u3099 ᄀ\u1161\u11a8 नि",
];

/** The texts of the first rows of a GLUE file. */
function glueTexts(folder: string, task: string, file: string) {
  const path = `${folder}/${file}`;
  const options = { path, task: findTask(task), requireLabel: false };
  const rows = parseDataset(Deno.readTextFileSync(path), options).slice(0, ROWS_OF_A_TASK);
  return { name: file, texts: rows.map((row) => row.text), pairs: rows.map((row) => row.pair) };
}

/** Every code point but surrogates, 64 to a text, each between two letters. */
function everyCodePoint(): string[] {
  const texts: string[] = [];
  for (let begin = 0; begin < 0x110000; begin += 64) {
    if (begin >= 0xd800 && begin < 0xe000) continue;
    const words = Array.from({ length: 64 }, (_, i) => `a${String.fromCodePoint(begin + i)}b`);
    texts.push(words.join(" "));
  }
  return texts;
}

/** The groups: real texts and pairs and hostile ones at every length, and every code point. */
function makeGroups(glue: string): Group[] {
  const real = [
    glueTexts(glue, "sst2", "SST-2/dev.tsv"),
    glueTexts(glue, "cola", "CoLA/dev.tsv"),
    glueTexts(glue, "mrpc", "MRPC/dev.tsv"),
    glueTexts(glue, "rte", "RTE/dev.tsv"),
    glueTexts(glue, "stsb", "STS-B/dev.tsv"),
    glueTexts(glue, "qnli", "QNLI/dev.tsv"),
    glueTexts(glue, "qqp", "QQP/dev.tsv"),
    glueTexts(glue, "mnli", "MNLI/dev.tsv"),
  ];
  const crossed = {
    name: "hostile pairs",
    texts: [0, 1, 5, 7, 11].flatMap(() => HOSTILE),
    pairs: [0, 1, 5, 7, 11].flatMap((by) => [...HOSTILE.slice(by), ...HOSTILE.slice(0, by)]),
  };
  const counts = Array.from({ length: 12 }, (_, i) => "a ".repeat(i));
  const lengths = {
    name: "every pair of short lengths",
    texts: counts.flatMap((text) => counts.map(() => text)),
    pairs: counts.flatMap(() => counts),
  };
  const groups = [...real, crossed, lengths].flatMap(({ name, texts, pairs }) =>
    MAX_LENGTHS.map((maxLength) => {
      const isPair = pairs.every((pair) => pair !== undefined);
      return { name, texts, pairs: isPair ? pairs : null, maxLength };
    })
  );
  const hostile = MAX_LENGTHS.map((maxLength) => (
    { name: "hostile texts", texts: HOSTILE, pairs: null, maxLength }
  ));
  const all = { name: "every code point", texts: everyCodePoint(), pairs: null, maxLength: 512 };
  return [...groups, ...hostile, all];
}

/** Encodes the groups in Python. */
async function encodeInPython(model: string, groups: readonly Group[]): Promise<Uint32Array> {
  const python = Deno.env.get("TINYGRAFT_PYTHON");
  assert(python, "TINYGRAFT_PYTHON names no Python with transformers: run `deno task test:real`");
  const child = new Deno.Command(python, {
    args: [decodeURIComponent(new URL("tokenizer_peer.py", import.meta.url).pathname)],
    env: { HF_HUB_OFFLINE: "1", TRANSFORMERS_VERBOSITY: "error" },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify({ model, groups })));
  await writer.close();
  const { success, stdout } = await output;
  assert(success, "the Python peer failed");
  const view = new DataView(stdout.buffer, stdout.byteOffset, stdout.byteLength);
  return Uint32Array.from({ length: stdout.byteLength / 4 }, (_, i) => view.getUint32(4 * i, true));
}

/** A quick comparison, since `assertEquals` is slow over so many texts. */
function equal(actual: readonly number[], want: Uint32Array): boolean {
  return actual.length === want.length && actual.every((id, i) => id === want[i]);
}

/** Texts that need no data set: pairs and single texts at every length, and every code point. */
function makeHostileGroups(): Group[] {
  const pairs = [...HOSTILE.slice(7), ...HOSTILE.slice(0, 7)];
  const groups = MAX_LENGTHS.filter((length) => length > 3).flatMap((maxLength) => [
    { name: "hostile texts", texts: HOSTILE, pairs: null, maxLength },
    { name: "hostile pairs", texts: HOSTILE, pairs, maxLength },
  ]);
  const sentences = Deno.readTextFileSync(new URL("mini/data/dev.tsv", FIXTURES)).split("\n");
  const own = { name: "sentences", texts: sentences, pairs: null, maxLength: 128 };
  const all = { name: "every code point", texts: everyCodePoint(), pairs: null, maxLength: 512 };
  return [...groups, own, all];
}

/** Compares a folder's tokenizer with Python's, and counts texts. */
async function compareWithPython(folder: string, groups: readonly Group[]) {
  const readJson = (name: string) => JSON.parse(Deno.readTextFileSync(`${folder}/${name}`));
  const path = `${folder}/tokenizer.json`;
  const config = readJson("tokenizer_config.json");
  const tokenizer = createTokenizer(readJson("tokenizer.json"), config, path);
  const want = await encodeInPython(folder, groups);
  let next = 0;
  let compared = 0;
  let truncated = 0;
  const take = (count: number) => want.subarray(next, next += count);
  for (const { name, texts, pairs, maxLength } of groups) {
    for (const [i, text] of texts.entries()) {
      const pair = pairs?.[i];
      const { ids, typeIds } = tokenizer.encode(text, pair, maxLength);
      const [length = 0] = take(1);
      const wanted = take(2 * length);
      compared++;
      if (length === maxLength) truncated++;
      if (equal([...ids, ...typeIds], wanted)) continue;
      const what = `${name}, text ${i}, maximum length ${maxLength}: ${JSON.stringify(text)}`;
      assertEquals([...ids, ...typeIds], [...wanted], what);
    }
  }
  assertEquals(next, want.length);
  return { compared, truncated };
}

Deno.test("encode() gives the ids and type ids of Python's AutoTokenizer", async () => {
  const model = sharedPath("models/all-minilm-l6-v2");
  const glue = sharedPath("data/glue");
  if (model === undefined || glue === undefined) return;
  const { compared, truncated } = await compareWithPython(model, makeGroups(glue));
  assert(compared > 30_000 && truncated > 10_000, `${compared} compared, ${truncated} truncated`);
});

for (const name of ["albert", "bert", "distilbert", "electra", "roberta", "xlm-roberta"]) {
  Deno.test(`encode() gives the ids and type ids of Python's tokenizer for ${name}`, async () => {
    const folder = fromFileUrl(new URL(`architectures/${name}`, FIXTURES));
    const { compared, truncated } = await compareWithPython(folder, makeHostileGroups());
    assert(compared > 17_000 && truncated > 100, `${compared} compared, ${truncated} truncated`);
  });
}
