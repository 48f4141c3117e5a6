import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { DataError, UsageError } from "../../lib/errors.ts";
import { type DatasetOptions, parseDataset } from "../../lib/text/dataset.ts";
import { findTask } from "../../lib/text/tasks.ts";

/** Parses with labels required, unless said otherwise. */
function parse(text: string, options: Partial<DatasetOptions> & { path: string }) {
  return parseDataset(text, { requireLabel: true, ...options });
}

/** Asserts that parsing fails with this code and message. */
function fails(
  text: string,
  options: Partial<DatasetOptions> & { path: string },
  code: string,
  message: string,
) {
  const error = assertThrows(() => parse(text, options), DataError, message);
  assertEquals([error.code, error.path], [code, options.path]);
}

const sst2 = findTask("sst2");

Deno.test("parseDataset() reads the original layout of each GLUE task", () => {
  const cases: [task: string, text: string, row: Record<string, unknown>][] = [
    ["sst2", "sentence\tlabel\na b \t1\n", { text: "a b ", label: "1", line: 2 }],
    ["cola", "gj04\t1\t\tA b.\n", { text: "A b.", label: "1", line: 1 }],
    [
      "mrpc",
      '\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t5\t6\tA " b\t" c\r\n',
      { text: 'A " b', pair: '" c', label: "1", line: 2 },
    ],
    [
      "rte",
      "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tnot_entailment",
      { text: "a", pair: "b", label: "not_entailment", line: 2 },
    ],
    [
      "stsb",
      "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n" +
      "0\tg\tf\t2012\t1\tn\tn\ta\tb\t4.750\n",
      { text: "a", pair: "b", label: "4.750", line: 2 },
    ],
    ["wnli", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\t1", {
      text: "a",
      pair: "b",
      label: "1",
      line: 2,
    }],
    ["qnli", "index\tquestion\tsentence\tlabel\n0\ta\tb\tentailment", {
      text: "a",
      pair: "b",
      label: "entailment",
      line: 2,
    }],
    ["qqp", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\ta\tb\t1", {
      text: "a",
      pair: "b",
      label: "1",
      line: 2,
    }],
    ["mnli", "index\tsentence1\tsentence2\tlabel1\tgold_label\n0\ta\tb\tneutral\tcontradiction", {
      text: "a",
      pair: "b",
      label: "contradiction",
      line: 2,
    }],
  ];
  for (const [task, text, row] of cases) {
    const rows = parse(text, { path: "dev.tsv", task: findTask(task) });
    assertEquals(rows as unknown[], [row], task);
  }
});

Deno.test("parseDataset() reads FewGLUE and Hub layouts of the tasks", () => {
  assertEquals(
    parse('{"premise": "a", "hypothesis": "b", "label": "entailment", "idx": 4}', {
      path: "val.jsonl",
      task: findTask("rte"),
    }),
    [{ text: "a", pair: "b", label: "entailment", line: 1 }],
  );
  assertEquals(
    parse('{"question": "q", "passage": "p", "label": true}\n', {
      path: "val.jsonl",
      task: findTask("boolq"),
    }),
    [{ text: "p", pair: "q", label: "true", line: 1 }],
  );
  const cola = { path: "dev.tsv", task: findTask("cola") };
  assertEquals(parse("sentence\tlabel\na\t0", cola), [{ text: "a", label: "0", line: 2 }]);
  assertEquals(
    parse("sentence,label,idx\na,0,9", { ...cola, path: "dev.csv" }),
    [{ text: "a", label: "0", line: 2 }],
  );
});

Deno.test("parseDataset() takes quotes of TSV as data and those of CSV as quoting", () => {
  const names = { text: "x", label: "y" };
  assertEquals(parse('x\ty\n"a""\t1', { path: "d.tsv", ...names }), [
    { text: '"a""', label: "1", line: 2 },
  ]);
  const csv = 'x,y\r\n"a, ""b""",1\r\n"two\r\nlines",0\r\nc,1';
  assertEquals(parse(csv, { path: "D.CSV", ...names }), [
    { text: 'a, "b"', label: "1", line: 2 },
    { text: "two\nlines", label: "0", line: 3 },
    { text: "c", label: "1", line: 5 },
  ]);
});

Deno.test("parseDataset() takes columns by name or by index", () => {
  const text = "id\ta\tb\ty\n7\tone\ttwo\tyes\n";
  const row = { text: "one", pair: "two", label: "yes", line: 2 };
  const path = "d.tsv";
  assertEquals(parse(text, { path, text: "a", textPair: "b", label: "y" }), [row]);
  // One name is enough to make the first line a header.
  assertEquals(parse(text, { path, text: "1", textPair: "2", label: "y" }), [row]);
  const body = text.slice(text.indexOf("\n") + 1);
  assertEquals(parse(body, { path, text: "1", textPair: "2", label: "3" }), [{ ...row, line: 1 }]);
});

Deno.test("parseDataset() lets named columns win over the task's", () => {
  const text = "sentence\tother\tlabel\ta\na\tb\t1\t0\n";
  assertEquals(parse(text, { path: "d.tsv", task: sst2, text: "other" })[0]?.text, "b");
  assertEquals(parse(text, { path: "d.tsv", task: sst2, label: "a" })[0]?.label, "0");
  const cola = { path: "d.tsv", task: findTask("cola"), text: "2" };
  assertEquals(parse("gj04\t1\tx\tA\n", cola), [{ text: "x", label: "1", line: 1 }]);
});

Deno.test("parseDataset() leaves labels out where none are needed or there", () => {
  const options = { path: "d.tsv", text: "x", requireLabel: false };
  assertEquals(parse("x\tz\na\t1\n", options), [{ text: "a", line: 2 }]);
  assertEquals(parse("x\tlabel\na\t\nb\t1\n", options), [
    { text: "a", line: 2 },
    { text: "b", label: "1", line: 3 },
  ]);
  assertEquals(parse('{"x":"a","label":null}', { ...options, path: "d.jsonl" }), [
    { text: "a", line: 1 },
  ]);
});

Deno.test("parseDataset() keeps JSON's numbers, and empty texts", () => {
  assertEquals(
    parse('{"x":"","label":2.5}\r\n{"label":"b","x":"c"}', { path: "d.ndjson", text: "x" }),
    [
      { text: "", label: 2.5, line: 1 },
      { text: "c", label: "b", line: 2 },
    ],
  );
});

Deno.test("parseDataset() names the line of a row with another number of fields", () => {
  const path = "d.tsv";
  const tail = "mend or remove the row";
  fails(
    "sentence\tlabel\na\t1\nb\n",
    { path, task: sst2 },
    "malformed-row",
    `Cannot read "d.tsv" line 3: 1 field, expected 2 as on line 1: ${tail}`,
  );
  fails("sentence\tlabel\na\tb\t1", { path, task: sst2 }, "malformed-row", "line 2: 3 fields");
  fails("sentence\tlabel\n\na\t1", { path, task: sst2 }, "malformed-row", "line 2: 1 field");
  fails("sentence,label\na", { path: "d.csv", task: sst2 }, "malformed-row", "line 2: 1 field");
});

Deno.test("parseDataset() names the line of a row that cannot be read", () => {
  const csv = { path: "d.csv", task: sst2 };
  fails(
    'sentence,label\n"a"b,1',
    csv,
    "malformed-row",
    'line 2: column 3: extraneous or missing "',
  );
  fails('sentence,label\na,1\nb "c",1', csv, "malformed-row", 'line 3: column 3: bare "');
  fails('sentence,label\n"a,1\n', csv, "malformed-row", "line 2");
  fails("sentence,label\n\na,1", csv, "malformed-row", "line 2: the line is empty");
  fails('sentence,label\n"a\n\nb",1\n\n', csv, "malformed-row", "line 5: the line is empty");
  const jsonl = { path: "d.jsonl", task: sst2 };
  const good = '{"sentence":"a","label":1}\n';
  fails(`${good}{"sentence":`, jsonl, "malformed-row", "line 2: the line is not valid JSON");
  fails(`${good}[1]`, jsonl, "malformed-row", "line 2: the line is not a JSON object");
  fails(`${good}\n${good}`, jsonl, "malformed-row", "line 2: the line is empty");
  fails(`${good}{"label":1}`, jsonl, "malformed-row", 'line 2: "sentence" is absent');
  fails(`${good}{"sentence":3,"label":1}`, jsonl, "malformed-row", 'line 2: "sentence" is 3');
  fails(`${good}{"sentence":"a","label":[]}`, jsonl, "malformed-row", 'line 2: "label" is []');
  fails(`${good}{"sentence":"a"}`, jsonl, "malformed-row", "line 2: the label is empty or absent");
  fails(
    "sentence\tlabel\na\t",
    { path: "d.tsv", task: sst2 },
    "malformed-row",
    "line 2: the label",
  );
});

Deno.test("parseDataset() names the columns there are when one is missing", () => {
  const path = "d.tsv";
  fails("text\tlabel\na\t1", { path, task: sst2 }, "missing-column", "the columns text, label");
  fails("x\na", { path, text: "x" }, "missing-column", 'expected "label"');
  fails("x\na", { path, text: "x", label: "y", requireLabel: false }, "missing-column", '"y"');
  fails("x\ty\na\t1", { path, text: "0", label: "2" }, "missing-column", "columns 0 to 1");
  fails("x\ty\na\t1", { path, text: "0" }, "missing-column", "2 columns without a header");
  fails('{"a":1}', { path: "d.jsonl", task: sst2 }, "missing-column", "the keys a,");
  fails("a\ta\nx\ty", { path, text: "a", requireLabel: false }, "malformed-row", "twice");
});

Deno.test("parseDataset() refuses files without rows", () => {
  for (const text of ["", "\ufeff", "sentence\tlabel\n"]) {
    fails(text, { path: "d.tsv", task: sst2 }, "empty-data", "has no rows");
  }
  fails("", { path: "d.csv", task: sst2 }, "empty-data", "has no rows");
  fails("", { path: "d.jsonl", task: sst2 }, "empty-data", "has no rows");
});

Deno.test("parseDataset() looks for the usual names where no column is named", () => {
  const rows = [{ text: "a", label: "1", line: 2 }];
  assertEquals(parse("text\tlabel\na\t1\n", { path: "d.tsv" }), rows);
  assertEquals(parse("id,sentence,label\n0,a,1\n", { path: "d.csv" }), rows);
  fails("review\tlabel\na\t1\n", { path: "d.tsv" }, "missing-column", "review");
  // Half of a pair is no text of its own.
  const pairs = "question\tsentence\tlabel\na\tb\t1\n";
  fails(pairs, { path: "d.tsv" }, "missing-column", "--text");
});

Deno.test("parseDataset() refuses files of unknown formats", () => {
  for (const path of ["d.parquet", "d", "a.tsv/d"]) {
    assertThrows(() => parse("a", { path, task: sst2 }), UsageError, "extension");
  }
});

Deno.test("parseDataset() reads back any text that TSV can hold", () => {
  const text = fc.string({ unit: "grapheme" }).map((s) => s.replace(/[\t\r\n]/g, " "));
  fc.assert(
    fc.property(fc.array(text, { minLength: 1 }), fc.constantFrom("\n", "\r\n"), (texts, end) => {
      const file = ["\ufeffx\tlabel", ...texts.map((text) => `${text}\t1`)].join(end);
      const rows = parse(file, { path: "d.tsv", text: "x" });
      assertEquals(rows.map((row) => row.text), texts);
      assertEquals(rows.map((row) => row.line), texts.map((_, i) => i + 2));
    }),
    { seed: 20250102 },
  );
});
