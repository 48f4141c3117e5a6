// The heads of a base give the logits of transformers, from the texts on.

import { assertEquals } from "@std/assert";
import { predictRows } from "../../lib/eval/predict.ts";
import { openSession } from "../../lib/eval/session.ts";
import { assertClose } from "../_close.ts";
import { FOLDER, NAMES } from "../runtime/_architectures.ts";
import { askPython } from "./_python.ts";

/** What transformers says of one folder. */
interface Peer {
  readonly ids: readonly (readonly number[])[];
  readonly masked: readonly (readonly number[])[];
  readonly classification: readonly (readonly number[])[];
}

/** f32 sums on both sides, through three layers at most. */
const TOLERANCE = { atol: 1e-4, rtol: 1e-4 };

const PATTERNS: readonly (readonly string[])[] = [
  ["{text} It is [MASK]: {pair}"],
  ["{pair}?", "[MASK], {text}"],
  ['"{text}" means "{pair}" ([MASK])'],
];
const WORDS = ["order", "not", "you"];
const ROWS = [
  { text: "Where is my order?", pair: "I can't find it!" },
  { text: "", pair: "two words" },
  { text: "It isn't in BLACK -- e.g. $3.50, naïve", pair: "…and not the lamp I want to have. " },
];

async function runInPython(segments: readonly string[]): Promise<Peer[]> {
  const job = { folders: NAMES.map((name) => FOLDER + name), segments, rows: ROWS, words: WORDS };
  return await askPython("heads_peer.py", job) as Peer[];
}

for (const segments of PATTERNS) {
  const pattern = segments.join(" || ");
  Deno.test(`heads give the logits of transformers, asked ${pattern}`, async () => {
    const data = await Deno.makeTempFile({ suffix: ".jsonl" });
    await Deno.writeTextFile(data, ROWS.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const rows = { data, text: "text", textPair: "pair", device: "reference" } as const;
    const head = { kind: "cloze", pattern, verbalizer: WORDS } as const;
    const peers = await runInPython(segments);
    for (const [index, { ids, masked, classification }] of peers.entries()) {
      const base = FOLDER + NAMES[index]!;
      {
        using session = await openSession({ base, adapters: [], head, device: "reference" });
        const found = ROWS.map(({ text, pair }) => session.cloze!.encode(text, pair, 128));
        assertEquals(found.map((row) => [...row.ids]), ids, base);
      }
      const asked = await predictRows({ ...rows, base, head });
      const own = await predictRows({ ...rows, base });
      assertEquals([asked.labels, own.head], [WORDS, "base"]);
      const logits = (result: typeof own) => result.predictions.flatMap((row) => row.logits);
      assertClose(logits(asked), masked.flat(), TOLERANCE, `${base}, masked tokens`);
      assertClose(logits(own), classification.flat(), TOLERANCE, `${base}, classification`);
    }
    await Deno.remove(data);
  });
}
