// Enough of GitHub's runner to execute the shell steps of our action and our workflow as they are:
// contexts, outputs, matrices, and artifacts as files. Actions of others are left out.

import { assert } from "@std/assert";
import { join } from "@std/path";
import { parse } from "yaml";

/** What expressions can refer to: `inputs.base`, `steps.check.outputs.passed`. */
type Context = Record<string, unknown>;

/** A step as the file has it. */
interface Step {
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly run?: string;
  readonly env?: Readonly<Record<string, unknown>>;
  readonly "working-directory"?: string;
}

/** An action or workflow, read from a file. */
export interface Definition {
  readonly inputs?: Readonly<Record<string, { readonly default?: unknown }>>;
  readonly outputs?: Readonly<Record<string, { readonly value: string }>>;
  readonly runs?: { readonly steps: readonly Step[] };
  readonly on?: { readonly "workflow_call": Definition };
  readonly jobs?: Readonly<Record<string, Job>>;
}

/** A job as the file has it. */
interface Job {
  readonly needs?: string | readonly string[];
  readonly outputs?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: Readonly<Record<string, string>> };
  readonly steps: readonly Step[];
}

/** What became of an action or a job. */
export interface StepResult {
  /** The exit code of the first step that failed, else 0. */
  readonly code: number;
  /** Outputs by name. */
  readonly outputs: Readonly<Record<string, string>>;
  /** What the steps printed. */
  readonly log: string;
}

/** Reads an action or a workflow. */
export async function readDefinition(path: string): Promise<Definition> {
  return parse(await Deno.readTextFile(path)) as Definition;
}

/** Evaluates the expressions in a text; only references and `fromJSON` of one are known. */
export function evaluate(text: unknown, context: Context): string {
  return String(text ?? "").replace(/\$\{\{\s*(.*?)\s*\}\}/g, (_, expression: string) => {
    const value = lookUp(expression, context);
    return value === undefined || value === null ? "" : String(value);
  });
}

function lookUp(expression: string, context: Context): unknown {
  const json = /^fromJSON\((.*)\)$/.exec(expression);
  if (json) return JSON.parse(String(lookUp(json[1]!, context)));
  assert(/^[\w.-]+$/.test(expression), `this runner does not know the expression ${expression}`);
  return expression.split(".").reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined)?.[key],
    context,
  );
}

/** Where packages are, however the cache folder of a machine is set. */
const DENO_DIR = await denoFolder();

async function denoFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/** A machine: a workspace, a temporary folder and what GitHub sets in the environment. */
export class Runner {
  /** The job's folder. */
  readonly workspace: string;
  /** Artifacts by their names, one file each. */
  readonly artifacts: Map<string, string>;
  /** The file of the job's summary. */
  readonly summary: string;
  readonly #folder: string;

  /** Makes the folders; `artifacts` are shared by the machines of a workflow. */
  constructor(folder: string, workspace: string, artifacts: Map<string, string> = new Map()) {
    this.#folder = folder;
    this.workspace = workspace;
    this.artifacts = artifacts;
    this.summary = join(folder, "summary.md");
    Deno.mkdirSync(join(folder, "temp"), { recursive: true });
    Deno.mkdirSync(join(folder, "bin"), { recursive: true });
    Deno.symlinkSync(Deno.execPath(), join(folder, "bin", "deno"));
  }

  /** Runs a composite action. */
  async runAction(path: string, given: Readonly<Record<string, string>>): Promise<StepResult> {
    const action = await readDefinition(join(path, "action.yml"));
    const inputs = withDefaults(action, given);
    const context: Context = { inputs, github: { "action_path": path }, runner: { os: "Linux" } };
    const { code, log, steps } = await this.#runSteps(action.runs!.steps, context, path);
    const outputs = Object.entries(action.outputs ?? {}).map(([name, { value }]) =>
      [name, evaluate(value, { ...context, steps })] as const
    );
    return { code, log, outputs: Object.fromEntries(outputs) };
  }

  /** Runs one job of a workflow, or one entry of its matrix. */
  async runJob(job: Job, context: Context, action: string): Promise<StepResult> {
    const { code, log, steps } = await this.#runSteps(job.steps, context, action);
    const outputs = Object.entries(job.outputs ?? {}).map(([name, value]) =>
      [name, evaluate(value, { ...context, steps })] as const
    );
    return { code, log, outputs: Object.fromEntries(outputs) };
  }

  async #runSteps(all: readonly Step[], outer: Context, action: string) {
    const steps: Record<string, { outputs: Readonly<Record<string, string>> }> = {};
    const log: string[] = [];
    for (const step of all) {
      const context = { ...outer, steps };
      const result = await this.#runStep(step, context, action);
      if (result === undefined) continue;
      log.push(result.log);
      if (step.id !== undefined) steps[step.id] = { outputs: result.outputs };
      if (result.code !== 0) return { code: result.code, log: log.join(""), steps };
    }
    return { code: 0, log: log.join(""), steps };
  }

  async #runStep(step: Step, context: Context, action: string): Promise<StepResult | undefined> {
    if (step.run !== undefined) return await this.#runScript(step, context);
    const given = Object.entries(step.with ?? {}).map(([name, value]) =>
      [name, evaluate(value, context)] as const
    );
    const inputs = Object.fromEntries(given);
    if (step.uses?.startsWith("./")) return await this.runAction(action, inputs);
    if (step.uses?.startsWith("actions/upload-artifact@")) {
      const file = join(this.workspace, inputs.path!);
      if (await exists(file)) this.artifacts.set(inputs.name!, await Deno.readTextFile(file));
      else assert(inputs["if-no-files-found"] !== "error", `nothing to upload: ${file}`);
    }
    if (step.uses?.startsWith("actions/download-artifact@")) {
      const prefix = inputs.pattern!.replace(/\*$/, "");
      await Deno.mkdir(join(this.workspace, inputs.path!), { recursive: true });
      for (const [name, text] of this.artifacts) {
        if (!name.startsWith(prefix)) continue;
        await Deno.writeTextFile(join(this.workspace, inputs.path!, `${name}.jsonl`), text);
      }
    }
    return undefined;
  }

  /** Runs a script as the runner does for `shell: bash`. */
  async #runScript(step: Step, context: Context): Promise<StepResult> {
    const script = join(this.#folder, "temp", `${crypto.randomUUID()}.sh`);
    const output = `${script}.output`;
    await Deno.writeTextFile(script, evaluate(step.run, context));
    await Deno.writeTextFile(output, "");
    const env = Object.entries(step.env ?? {}).map(([name, value]) =>
      [name, evaluate(value, context)] as const
    );
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["--noprofile", "--norc", "-eo", "pipefail", script],
      cwd: join(this.workspace, evaluate(step["working-directory"], context)),
      env: {
        ...Object.fromEntries(env),
        PATH: `${join(this.#folder, "bin")}:${Deno.env.get("PATH")}`,
        DENO_DIR,
        XDG_CACHE_HOME: join(this.#folder, "cache"),
        RUNNER_TEMP: join(this.#folder, "temp"),
        GITHUB_ACTIONS: "true",
        GITHUB_OUTPUT: output,
        GITHUB_STEP_SUMMARY: this.summary,
        TINYGRAFT_THREADS: "1",
      },
      stdin: "null",
    }).output();
    const lines = (await Deno.readTextFile(output)).trimEnd().split("\n");
    const outputs = lines.filter((line) => line !== "").map((line) => {
      const [name, ...value] = line.split("=");
      return [name!, value.join("=")] as const;
    });
    const decoder = new TextDecoder();
    const log = decoder.decode(stdout) + decoder.decode(stderr);
    return { code, log, outputs: Object.fromEntries(outputs) };
  }
}

/** Inputs as a definition completes them. */
export function withDefaults(
  { inputs = {} }: Definition,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const unknown = Object.keys(given).filter((name) => !(name in inputs));
  assert(unknown.length === 0, `unknown inputs: ${unknown.join(", ")}`);
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [name, given[name] ?? `${input.default ?? ""}`]),
  );
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
