// Checkpoints that cannot be imported, each with the code and the words of its refusal.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openConvertInput } from "../../lib/checkpoint/open_input.ts";
import { type ErrorCode, TinygraftError } from "../../lib/errors.ts";
import { type ImportOptions, planImport } from "../../lib/layouts/import.ts";
import { withFolder } from "../merge/_adapters.ts";
import {
  classifierTensors,
  type FileTensor,
  moduleTensors,
  robertaTensors,
  tensor,
  writeTensors,
} from "./_files.ts";

const FIRST = "roberta.encoder.layer.0.tiny_attn";
const NEMO = "encoder.layers.0.adapter_layer.asr";
const REGRESSION = { task: { type: "regression", labels: null }, numLabels: 1 } as const;

/** The RoBERTa checkpoint without a tensor, or with one of another shape. */
function without(name: string): FileTensor[] {
  return robertaTensors().filter((each) => each.name !== name);
}

function renamed(from: string, to: string): FileTensor[] {
  return robertaTensors().map((each) => ({ ...each, name: each.name.replace(from, to) }));
}

function mixture(experts: readonly number[]): FileTensor[] {
  return [
    ...experts.flatMap((expert) => moduleTensors(`${FIRST}.${expert}`, "joined", expert)),
    ...classifierTensors(),
  ];
}

/** What is refused, how and why. */
interface Refusal {
  readonly what: string;
  readonly tensors: readonly FileTensor[];
  readonly options?: ImportOptions;
  readonly code: ErrorCode;
  readonly says: string;
}

const REFUSALS: readonly Refusal[] = [
  {
    what: "a checkpoint without an adapter",
    tensors: [tensor("roberta.embeddings.word_embeddings.weight", [2, 3])],
    code: "not-an-adapter",
    says: "no tensor has .tiny_attn.",
  },
  {
    what: "an adapter of the other layout",
    tensors: robertaTensors(),
    options: { layout: "nemo" },
    code: "not-an-adapter",
    says: "of the layout authors",
  },
  {
    what: "tinygraft's own layout",
    tensors: [tensor(`${FIRST}.query.weight`, [1, 6]), tensor(`${FIRST}.norm.weight`, [6])],
    code: "not-an-adapter",
    says: "use it as it is",
  },
  {
    what: "both layouts side by side",
    tensors: [...robertaTensors(), ...moduleTensors(NEMO, "nemo", 1)],
    code: "ambiguous-layout",
    says: "--layout",
  },
  {
    what: "modules of two kinds",
    tensors: [...robertaTensors(), tensor(`${FIRST}.attention.q_proj.weight`, [4, 4])],
    code: "ambiguous-layout",
    says: "joined and split",
  },
  {
    what: "authors' tensors beside canonical ones",
    tensors: [...robertaTensors(), tensor(`${FIRST}.query.weight`, [4, 6])],
    code: "ambiguous-layout",
    says: "joined and canonical",
  },
  {
    what: "NeMo's tensors below the authors' name",
    tensors: moduleTensors(FIRST, "nemo", 1),
    code: "ambiguous-layout",
    says: "nemo module",
  },
  {
    what: "a mixture beside a plain module",
    tensors: [...robertaTensors(), ...moduleTensors(`${FIRST}.0`, "joined", 3)],
    code: "ambiguous-layout",
    says: "mixture",
  },
  {
    what: "two models in one checkpoint",
    tensors: [
      ...robertaTensors(),
      ...moduleTensors("student.encoder.layer.0.tiny_attn", "joined", 3),
    ],
    code: "ambiguous-layout",
    says: '"student.encoder.layer.{layer}"',
  },
  {
    what: "one layer under two numbers",
    tensors: [
      ...robertaTensors(),
      ...moduleTensors("roberta.encoder.layer.00.tiny_attn", "joined", 3),
    ],
    code: "ambiguous-layout",
    says: "two such tensors",
  },
  {
    what: "a missing tensor",
    tensors: without(`${FIRST}.linear2.bias`),
    code: "missing-tensor",
    says: `"${FIRST}.linear2.bias"`,
  },
  {
    what: "a missing layer",
    tensors: renamed("layer.1.", "layer.7."),
    code: "missing-tensor",
    says: "layer 1 has no module",
  },
  {
    what: "a layer number beyond all bounds",
    tensors: renamed("layer.1.", "layer.99999999999999999999."),
    code: "missing-tensor",
    says: "layer 1 has no module",
  },
  {
    what: "a mixture of three",
    tensors: mixture([0, 1, 2]),
    code: "missing-tensor",
    says: "lacks module 3",
  },
  {
    what: "a mixture of five",
    tensors: mixture([0, 1, 2, 3, 4]),
    code: "unsupported-variant",
    says: "module 4 of a mixture",
  },
  {
    what: "a tensor that no module has",
    tensors: [...robertaTensors(), tensor(`${FIRST}.gate.weight`, [1])],
    code: "unexpected-tensor",
    says: "what it does is not known",
  },
  {
    what: "another inner size in a later layer",
    tensors: [
      ...moduleTensors(FIRST, "joined", 1),
      ...moduleTensors("roberta.encoder.layer.1.tiny_attn", "joined", 2, {
        hiddenSize: 6,
        numHeads: 3,
        headDim: 2,
      }),
    ],
    code: "shape-mismatch",
    says: "expected [12, 6]",
  },
  {
    what: "an output that is no matrix",
    tensors: [...without(`${FIRST}.linear2.weight`), tensor(`${FIRST}.linear2.weight`, [24])],
    code: "shape-mismatch",
    says: "[hidden size, inner size]",
  },
  {
    what: "the placement seq",
    tensors: moduleTensors("roberta.encoder.attention_layer.0", "joined", 1),
    code: "unsupported-placement",
    says: "seq, before",
  },
  {
    what: "the placement double_seq",
    tensors: [
      ...robertaTensors(),
      ...moduleTensors("roberta.encoder.layer.0.tiny_attn2", "joined", 1),
    ],
    code: "unsupported-placement",
    says: "double_seq",
  },
  {
    what: "a classifier with tanh layers",
    tensors: [...robertaTensors(), tensor("classifier.linears.0.weight", [6, 6])],
    code: "unsupported-variant",
    says: "one linear layer",
  },
  {
    what: "two classifiers",
    tensors: [...robertaTensors(), ...classifierTensors("classifier")],
    code: "ambiguous-layout",
    says: "one classifier",
  },
  {
    what: "a classifier without bias",
    tensors: without("classifier.out_proj.bias"),
    code: "missing-tensor",
    says: "classifier.out_proj.bias",
  },
  {
    what: "a classifier of another width",
    tensors: [
      ...without("classifier.out_proj.weight"),
      tensor("classifier.out_proj.weight", [3, 5]),
    ],
    code: "shape-mismatch",
    says: "expected [3, 6]",
  },
  {
    what: "another number of labels",
    tensors: robertaTensors(),
    options: { task: REGRESSION },
    code: "label-mismatch",
    says: "3 outputs, expected 1",
  },
  {
    what: "no classifier and no word of one",
    tensors: moduleTensors(FIRST, "joined", 1),
    code: "usage",
    says: "--num-labels",
  },
  {
    what: "names that fit several bases",
    tensors: renamed("roberta.", ""),
    code: "usage",
    says: '"bert", "roberta"',
  },
  {
    what: "heads that do not divide the inner size",
    tensors: robertaTensors(),
    options: { heads: 3 },
    code: "usage",
    says: "into 3 heads: their inner size is 4",
  },
  {
    what: "a width that does not divide the inner size",
    tensors: robertaTensors(),
    options: { headDim: 3 },
    code: "usage",
    says: "into heads of width 3: their inner size is 4",
  },
  {
    what: "heads and width with another product",
    tensors: robertaTensors(),
    options: { heads: 2, headDim: 1 },
    code: "usage",
    says: "inner size is 4",
  },
  {
    what: "relative positions of NeMo",
    tensors: [...moduleTensors(NEMO, "nemo", 1), tensor(`${NEMO}.pos_bias_u`, [2, 2])],
    code: "unsupported-variant",
    says: "relative positions",
  },
  {
    what: "global tokens of NeMo",
    tensors: [...moduleTensors(NEMO, "nemo", 1), tensor(`${NEMO}.global_q.weight`, [2, 2])],
    code: "unsupported-variant",
    says: "limited context",
  },
];

Deno.test("planImport() refuses what it cannot import, and says why", async () => {
  await withFolder(async (folder) => {
    for (const { what, tensors, options = {}, code, says } of REFUSALS) {
      const path = await writeTensors(folder, tensors);
      using input = await openConvertInput(path);
      const error = await assertRejects(
        () => planImport(input.checkpoint, join(folder, "ours"), options),
        TinygraftError,
        undefined,
        what,
      );
      assertEquals(error.code, code, `${what}: ${error.message}`);
      assertStringIncludes(error.message, says, what);
    }
  });
});

Deno.test("planImport() refuses NaN by name", async () => {
  await withFolder(async (folder) => {
    const tensors = robertaTensors();
    tensors[3]!.values[2] = NaN;
    using input = await openConvertInput(await writeTensors(folder, tensors));
    const error = await assertRejects(
      () => planImport(input.checkpoint, join(folder, "ours"), {}),
      TinygraftError,
      "holds NaN at element 2",
    );
    assertEquals([error.code, error.tensor], ["non-finite", tensors[3]!.name]);
  });
});

Deno.test("planImport() refuses NeMo's limited context where config.json tells", async () => {
  await withFolder(async (folder) => {
    const path = await writeTensors(folder, moduleTensors(NEMO, "nemo", 1), {
      name: "model.safetensors",
    });
    const attempt = async (config: unknown) => {
      await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(config));
      using input = await openConvertInput(path);
      const options = { base: { modelType: "conformer" }, task: REGRESSION };
      return await planImport(input.checkpoint, join(folder, "ours"), options);
    };
    assertEquals((await attempt({ encoder: { att_context_size: [-1, -1] } })).layout, "nemo");
    for (const config of [{ att_context_size: [128, 128] }, { encoder: { att_context_size: 5 } }]) {
      const error = await assertRejects(() => attempt(config), TinygraftError, "att_context_size");
      assertEquals(error.code, "unsupported-variant");
    }
  });
});
