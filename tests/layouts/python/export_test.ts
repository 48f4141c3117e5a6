import { assertEquals, assertThrows } from "@std/assert";
import { openAdapter } from "../../../lib/adapter/open.ts";
import type { PlannedFile } from "../../../lib/checkpoint/plan.ts";
import { TinygraftError } from "../../../lib/errors.ts";
import { planPython, pythonFiles } from "../../../lib/layouts/python/export.ts";

const ADAPTER = "fixtures/mini/adapter";
const MODEL = "modeling_tiny_attention.TinyAttentionForSequenceClassification";

function configOf(files: readonly PlannedFile[]): Record<string, unknown> {
  const file = files.find(({ path }) => path === "config.json");
  if (file?.kind !== "bytes") throw new TypeError("Cannot read config.json: it is not written");
  return JSON.parse(new TextDecoder().decode(file.bytes));
}

Deno.test("planPython() names base, classes, labels and the modules' sites", async () => {
  using adapter = await openAdapter(ADAPTER);
  const config = configOf(planPython(adapter, "out", { base: "org/base" }).files);
  assertEquals(config["model_type"], "tiny_attention");
  assertEquals(config["auto_map"], {
    AutoConfig: "modeling_tiny_attention.TinyAttentionConfig",
    AutoModelForSequenceClassification: MODEL,
  });
  const settings = config["tiny_attention"] as Record<string, unknown>;
  assertEquals([settings["base_model_name_or_path"], settings["num_heads"]], ["org/base", 4]);
  assertEquals(
    config["tiny_attention_sites"],
    [0, 1, 2].map((i) => [
      `encoder.layer.${i}.tiny_attn`,
      `encoder.layer.${i}.attention.output.LayerNorm`,
      `encoder.layer.${i}.attention.output.LayerNorm`,
    ]),
  );
  assertEquals((config["id2label"] as Record<string, string>)["5"], "invoice");
  assertEquals((config["label2id"] as Record<string, number>)["invoice"], 5);
});

Deno.test("planPython() has one site where layers share their weights", async () => {
  using adapter = await openAdapter("fixtures/architectures/albert/adapter");
  const { length } = configOf(planPython(adapter, "out").files)["tiny_attention_sites"] as string[];
  assertEquals(length, 1);
});

Deno.test("planPython() refuses an adapter that does not name its base", async () => {
  using adapter = await openAdapter(ADAPTER);
  const configText = adapter.configText.replace('"fixtures/mini/encoder"', "null");
  const error = assertThrows(() => planPython({ ...adapter, configText }, "out"), TinygraftError);
  assertEquals(error.code, "invalid-adapter-config");
});

Deno.test("pythonFiles() keeps a checkpoint's config but for what the code reads", async () => {
  using adapter = await openAdapter(ADAPTER);
  const text = '{\n  "model_type": "bert",\n  "hidden_dropout_prob": 0.0,\n' +
    '  "id2label": {"0": "old"},\n  "auto_map": {"AutoTokenizer": "tokens.Own"}\n}\n';
  const files = pythonFiles(adapter, text);
  assertEquals([...files.keys()], ["config.json", "modeling_tiny_attention.py"]);
  const once = new TextDecoder().decode(files.get("config.json"));
  assertEquals(
    once.startsWith('{\n  "model_type": "bert",\n  "hidden_dropout_prob": 0.0,\n'),
    true,
  );
  const config = JSON.parse(once);
  assertEquals(config["id2label"]["0"], "delivery");
  assertEquals(config["auto_map"], {
    AutoTokenizer: "tokens.Own",
    AutoModelForSequenceClassification: MODEL,
  });
  const twice = pythonFiles(adapter, once).get("config.json");
  assertEquals(new TextDecoder().decode(twice), once);
});

Deno.test("pythonFiles() refuses a checkpoint without config.json", async () => {
  using adapter = await openAdapter(ADAPTER);
  const embedded = { ...adapter, embedded: true };
  const error = assertThrows(() => pythonFiles(embedded, undefined), TinygraftError);
  assertEquals(error.code, "not-a-checkpoint");
});
