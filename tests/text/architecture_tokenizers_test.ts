// deno-lint-ignore-file camelcase -- expected.json spells its keys in snake_case
// The tokenizers of fixtures/architectures against what Python's AutoTokenizer made of some texts.

import { assertEquals } from "@std/assert";
import { createTokenizer } from "../../lib/text/tokenizer.ts";

interface Text {
  readonly text: string;
  readonly pair: string | null;
  readonly max_length: number;
  readonly ids: readonly number[];
  /** How many tokens, the last ones, have type id 1. */
  readonly second: number;
}

for (const name of ["albert", "bert", "distilbert", "electra", "roberta", "xlm-roberta"]) {
  Deno.test(`encode() gives the ids of Python's AutoTokenizer for ${name}`, async () => {
    const folder = new URL(`../../fixtures/architectures/${name}/`, import.meta.url);
    const read = async (file: string) => JSON.parse(await Deno.readTextFile(new URL(file, folder)));
    const files = [await read("tokenizer.json"), await read("tokenizer_config.json")];
    const tokenizer = createTokenizer(files[0], files[1], "tokenizer.json");
    const texts: readonly Text[] = (await read("expected.json")).texts;
    assertEquals(texts.length, 8);
    for (const { text, pair, max_length, ids, second } of texts) {
      const encoding = tokenizer.encode(text, pair ?? undefined, max_length);
      assertEquals([...encoding.ids], ids, JSON.stringify(text));
      const typeIds = ids.map((_, i) => i < ids.length - second ? 0 : 1);
      assertEquals([...encoding.typeIds], typeIds, JSON.stringify(text));
    }
    const { vocab_size } = await read("config.json");
    assertEquals(tokenizer.vocabSize, vocab_size);
  });
}
