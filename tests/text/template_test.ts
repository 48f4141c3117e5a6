// deno-lint-ignore-file camelcase -- the keys are those of tokenizer.json
import { assertEquals, assertThrows } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { parseTemplate, specialCount } from "../../lib/text/template.ts";

const ends = { cls: ["<s>", 5], sep: ["</s>", 6] };

/** A layout as ids and letters, each with its type id. */
function shown(postProcessor: unknown, key: "single" | "pair"): string {
  return parseTemplate(postProcessor, "tokenizer.json")[key].map((piece) =>
    `${piece.kind === "text" ? piece.which : piece.ids.join("+")}:${piece.typeId}`
  ).join(" ");
}

Deno.test("parseTemplate() reads BertProcessing and RobertaProcessing", () => {
  const bert = { type: "BertProcessing", ...ends };
  assertEquals(shown(bert, "single"), "5:0 A:0 6:0");
  assertEquals(shown(bert, "pair"), "5:0 A:0 6:0 B:1 6:1");
  const roberta = { type: "RobertaProcessing", ...ends };
  assertEquals(shown(roberta, "single"), "5:0 A:0 6:0");
  assertEquals(shown(roberta, "pair"), "5:0 A:0 6:0 6:0 B:0 6:0");
});

Deno.test("parseTemplate() resolves a template's special tokens to their ids", () => {
  const template = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "go", type_id: 3 } }, { Sequence: { id: "A", type_id: 4 } }],
    pair: [{ Sequence: { id: "B", type_id: 1 } }, { Sequence: { id: "A", type_id: 0 } }],
    special_tokens: { go: { id: "go", ids: [8, 9], tokens: ["g", "o"] } },
  };
  assertEquals(shown(template, "single"), "8+9:3 A:4");
  assertEquals(shown(template, "pair"), "B:1 A:0");
  const wrapped = { type: "Sequence", processors: [{ type: "ByteLevel" }, template] };
  assertEquals(shown(wrapped, "single"), "8+9:3 A:4");
  assertEquals(specialCount(parseTemplate(template, "t.json").single), 2);
});

Deno.test("parseTemplate() refuses a sequence that is not one template", () => {
  const bert = { type: "BertProcessing", ...ends };
  for (const processors of [undefined, [], [bert, bert], [{ type: "ByteLevel" }]]) {
    const parse = () => parseTemplate({ type: "Sequence", processors }, "t.json");
    const error = assertThrows(parse, TinygraftError, 'post_processor is of type "Sequence"');
    assertEquals(error.code, "invalid-tokenizer");
  }
});
