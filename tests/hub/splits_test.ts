import { assert, assertEquals, assertThrows } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { type SplitChoice, splitFiles } from "../../lib/hub/splits.ts";

const GLUE = [
  "README.md",
  ...["test", "train", "validation"].map((split) => `sst2/${split}-00000-of-00001.parquet`),
  ...["train", "validation_matched", "validation_mismatched", "test_matched"].map((split) =>
    `mnli/${split}-00000-of-00001.parquet`
  ),
];
const ONE = ["data/train-00001-of-00002.parquet", "data/train-00000-of-00002.parquet"];
const CONVERTED = ["train/0000.parquet", "train/0001.parquet", "partial-test/0000.parquet"]
  .map((path) => `plain_text/${path}`);

function filesOf(paths: readonly string[], choice: Partial<SplitChoice>) {
  const whole = {
    config: undefined,
    split: undefined,
    preferred: "validation",
    ...choice,
  } as const;
  return splitFiles(paths, whole, "hf://datasets/org/name");
}

Deno.test("splitFiles() finds configuration and split, named or preferred", () => {
  const cases: [readonly string[], Partial<SplitChoice>, string[], string][] = [
    [GLUE, { config: "sst2" }, [GLUE[3]!], GLUE[3]!],
    [GLUE, { config: "sst2", preferred: "train" }, [GLUE[2]!], GLUE[2]!],
    [GLUE, { config: "sst2", split: "test" }, [GLUE[1]!], GLUE[1]!],
    [GLUE, { config: "mnli" }, [GLUE[5]!], GLUE[5]!],
    [ONE, {}, [ONE[1]!, ONE[0]!], "data/train-*-of-00002.parquet"],
    [CONVERTED, { preferred: "train" }, CONVERTED.slice(0, 2), "plain_text/train/*.parquet"],
    [CONVERTED, {}, [CONVERTED[2]!], CONVERTED[2]!],
    [["dev.parquet", "train.parquet"], {}, ["dev.parquet"], "dev.parquet"],
  ];
  for (const [paths, choice, files, pattern] of cases) {
    assertEquals(filesOf(paths, choice), { files, pattern });
  }
});

Deno.test("splitFiles() names what there is instead of what is not", () => {
  const cases: [readonly string[], Partial<SplitChoice>, string][] = [
    [["README.md", "data.csv"], {}, "none of its 2 files is Parquet"],
    [GLUE, {}, "name one of mnli, sst2"],
    [GLUE, { config: "cola" }, 'no configuration "cola": name one of mnli, sst2'],
    [GLUE, { config: "sst2", split: "dev" }, 'no split "dev": name one of test, train, validation'],
    [["b-00000-of-00001.parquet", "a.parquet"], {}, "name one of a, b"],
    [ONE.slice(1), { preferred: "train" }, 'of 2 files of the split "train" there are 1'],
  ];
  for (const [paths, choice, says] of cases) {
    const error = assertThrows(() => filesOf(paths, choice), TinygraftError);
    assertEquals(error.code, "file-not-found");
    assert(error.message.includes(says), error.message);
  }
});
