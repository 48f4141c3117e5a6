import { assertEquals } from "@std/assert";
import { taskOfDataset } from "../../lib/text/dataset_tasks.ts";

Deno.test("taskOfDataset() knows the Hub's GLUE and its like by name, and guesses nothing", () => {
  const cases: [location: string, task: string | undefined][] = [
    ["hf://datasets/nyu-mll/glue/sst2", "sst2"],
    ["hf://datasets/nyu-mll/glue@main/stsb:test", "stsb"],
    ["hf://datasets/nyu-mll/glue/mnli_matched:validation", "mnli"],
    ["hf://datasets/nyu-mll/glue/ax", undefined],
    ["hf://datasets/nyu-mll/glue", undefined],
    ["hf://datasets/nyu-mll/glue/sst2/validation-00000-of-00001.parquet", undefined],
    ["hf://datasets/aps/super_glue/boolq", "boolq"],
    ["hf://datasets/stanfordnlp/sst2", "sst2"],
    ["hf://datasets/stanfordnlp/sst2/default:validation", "sst2"],
    ["hf://datasets/org/glue/sst2", undefined],
    ["hf://nyu-mll/glue/sst2", undefined],
    ["glue/sst2", undefined],
  ];
  for (const [location, task] of cases) assertEquals(taskOfDataset(location)?.name, task, location);
});
