// action.yml and the workflow keep to GitHub's schemas and name the versions that the project has.

import { assert, assertEquals } from "@std/assert";
import { parse } from "yaml";
import config from "../../deno.json" with { type: "json" };
import { assertValid, keptValidator } from "./_schemas.ts";

const read = (path: string) => Deno.readTextFile(path);
const action = parse(await read("action.yml"));
const workflow = parse(await read(".github/workflows/gate.yml"));

Deno.test("action.yml keeps to GitHub's schema of actions", async () => {
  const validate = await keptValidator("github-action.json");
  assertValid(validate, action);
  const { shell: _, ...step } = action.runs.steps.at(-1);
  const broken = { ...action, runs: { ...action.runs, steps: [step] } };
  assertEquals(validate(broken), false, "the schema sees what is missing");
});

Deno.test("gate.yml keeps to GitHub's schema of workflows", async () => {
  const validate = await keptValidator("github-workflow.json");
  assertValid(validate, workflow);
  const broken = { ...workflow, jobs: { ...workflow.jobs, plan: { steps: [] } } };
  assertEquals(validate(broken), false, "the schema sees what is missing");
});

Deno.test("scripts of action.yml and gate.yml hold no expression, whose value could be code", () => {
  const jobs: { steps: { run?: string }[] }[] = Object.values(workflow.jobs);
  const steps: { run?: string }[] = [...action.runs.steps, ...jobs.flatMap((job) => job.steps)];
  const scripts = steps.flatMap(({ run }) => run ?? []);
  assertEquals(scripts.length, 2);
  for (const script of scripts) assert(!script.includes("${{"), script);
});

Deno.test("every input of action.yml reaches its script or another step", () => {
  const text = JSON.stringify(action.runs.steps);
  for (const name of Object.keys(action.inputs)) {
    assert(new RegExp(`inputs\\.${name}\\b(?!-)`).test(text), name);
  }
});

Deno.test("gate.yml gives the action only inputs that it has, and all inputs of its own", async () => {
  const text = await read(".github/workflows/gate.yml");
  const jobs: { steps: { uses?: string; with?: Record<string, string> }[] }[] = Object.values(
    workflow.jobs,
  );
  const given = jobs.flatMap(({ steps }) => steps).filter(({ uses }) => uses === "./.tinygraft")
    .flatMap((step) => Object.keys(step.with ?? {}));
  assertEquals(given.filter((name) => !(name in action.inputs)), []);
  for (const name of Object.keys(workflow.on.workflow_call.inputs)) {
    assert(new RegExp(`inputs\\.${name}\\b(?!-)`).test(text), name);
  }
});

Deno.test("files for GitHub and pre-commit name this version and the Deno that CI runs", async () => {
  const tag = `v${config.version}`;
  assertEquals(workflow.on.workflow_call.inputs.ref.default, tag);
  for (const path of ["action.yml", ".github/workflows/gate.yml"]) {
    const tags = [...(await read(path)).matchAll(/tinygraft\/tinygraft\S*@(\S+)/g)];
    assertEquals(tags.map(([, found]) => found), [tag], path);
  }
  assert((await read(".pre-commit-hooks.yaml")).includes(`rev: ${tag}\n`));
  const [, deno] = /deno@([\d.]+)/.exec(await read(".ci/run"))!;
  assertEquals(action.inputs["deno-version"].default, deno);
  assert((await read("tools/pre_commit.sh")).includes(`deno@${deno})`));
});
