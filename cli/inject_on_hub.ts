/**
 * `tinygraft inject` with an output on the Hub: of a base that is there too no weights are fetched.
 *
 * @module
 */

import { initAdapter } from "../lib/adapter/init.ts";
import { planInject } from "../lib/adapter/inject.ts";
import { type Adapter, openAdapter } from "../lib/adapter/open.ts";
import { type AdapterSource, adapterSteps, planAdapter } from "../lib/adapter/plan.ts";
import { type OpenModel, openModel } from "../lib/checkpoint/open_model.ts";
import type { Plan } from "../lib/checkpoint/plan.ts";
import { TinygraftError, UsageError } from "../lib/errors.ts";
import type { HubOrigin } from "../lib/hub/push_plan.ts";
import { RemoteAccess } from "../lib/remote/access.ts";
import { isRemote } from "../lib/remote/address.ts";
import { initOptions } from "./adapter_flags.ts";
import type { Invocation } from "./command.ts";
import { formatBytes, formatCount, printable } from "./format.ts";
import { publish, pushOptions } from "./pushing.ts";
import { localModel, placeOptions, remoteOptions, repositoryName } from "./remote.ts";
import { type Outcome, outcomeJson, outcomeText } from "./writing.ts";

/** What was asked for. */
export interface HubInjection {
  /** The base: a path or an address. */
  readonly base: string;
  /** The repository to push to. */
  readonly output: string;
  /** The adapter; `undefined` for a new one. */
  readonly adapter: string | undefined;
  /** How the adapter's tensors join the base's. */
  readonly as: "checkpoint" | "shard";
}

/** A base and how its bytes are reached. */
interface OpenBase extends Disposable {
  readonly opened: OpenModel;
  /** The state on the Hub of which only headers and small files are read. */
  readonly origin: HubOrigin | undefined;
  /** Bytes of files of the Hub that were fetched so far. */
  readonly fetched: () => number;
}

/** What was pushed, and why not more. */
interface Published {
  /** Whether the whole model is there now, or the adapter alone. */
  readonly mode: "shard" | "checkpoint" | "adapter";
  /** Why it is the adapter alone, or on what a dry run depends. */
  readonly why?: string;
  readonly outcome: Outcome;
}

/**
 * Injects an adapter and pushes the result.
 *
 * @param invocation The call.
 * @param asked What was asked for.
 * @returns The exit code.
 * @throws {TinygraftError} as `planInject` and `pushPlan` do.
 */
export async function injectOnHub(invocation: Invocation, asked: HubInjection): Promise<number> {
  const { openSession } = await import("../lib/hub/push_session.ts");
  openSession(asked.output, pushOptions(invocation)); // what is missing is said before the work
  using base = await openBase(invocation, asked);
  using resources = new DisposableStack();
  const adapter = await openSource(invocation, asked, base.opened);
  if (!("arrays" in adapter)) resources.use(adapter);
  const { checkpoint, model } = base.opened;
  const { plan, added, leftOut, warnings } = await planInject(
    checkpoint,
    model,
    adapter,
    asked.output,
    {
      as: asked.as,
      force: invocation.flags.boolean("force"),
      unhashed: base.origin !== undefined,
    },
  );
  for (const warning of warnings) invocation.warn(warning);
  for (const name of leftOut) invocation.warn(`${name} of the base's folder is not carried over`);
  const { mode, why, outcome } = await publishGrafted(plan, asked, base, adapter, invocation);
  const weights = checkpoint.files.reduce((sum, { source }) => sum + source.byteLength, 0);
  const read = { fetched: base.fetched(), weights };
  const document = { as: asked.as, mode, ...(why === undefined ? {} : { why }), added, leftOut };
  invocation.print({ ...document, read, ...outcomeJson(outcome) }, () =>
    [
      outcomeText(outcome),
      mode === "adapter"
        ? `The adapter only: ${printable(why ?? "")}`
        : `${formatCount(added.length)} tensors added, the base's are unchanged`,
      ...(mode !== "adapter" && why !== undefined ? [why] : []),
      ...(base.origin === undefined ? [] : [
        `Fetched ${formatBytes(read.fetched)} in all; the base has ${
          formatBytes(weights)
        } of weights`,
      ]),
    ].join("\n"));
  return 0;
}

async function openBase(
  invocation: Invocation,
  { base, as }: HubInjection,
): Promise<OpenBase> {
  if (!isRemote(base) || as === "checkpoint") {
    const opened = await openModel(await localModel(invocation, base));
    return {
      ...{ opened, origin: undefined, fetched: () => 0 },
      [Symbol.dispose]: () => opened[Symbol.dispose](),
    };
  }
  const { hubOrigin } = await import("../lib/hub/push_plan.ts");
  const given = remoteOptions(invocation);
  const origin = await hubOrigin(base, given);
  let fetched = 0;
  const counting = async (...request: Parameters<typeof fetch>) => {
    const response = await fetch(...request);
    if (response.ok) fetched += Number(response.headers.get("content-length") ?? 0);
    return response;
  };
  const remote = new RemoteAccess({ ...given, fetch: counting });
  const opened = await openModel(origin.location, { remote });
  return {
    ...{ opened, origin, fetched: () => fetched },
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}

async function openSource(
  invocation: Invocation,
  { adapter, base, as }: HubInjection,
  { checkpoint, model }: OpenModel,
): Promise<Adapter | Exclude<AdapterSource, Adapter>> {
  if (adapter !== undefined) {
    return await openAdapter(adapter, {
      ...placeOptions(invocation, adapter),
      withoutClassifier: true,
    });
  }
  if (isRemote(base) && as === "shard") {
    throw new UsageError(
      "Cannot make a new adapter for a base whose weights are not fetched: it records a hash of " +
        "them, expected --adapter: make one with tinygraft init",
    );
  }
  const options = initOptions(invocation.flags, repositoryName(invocation, base));
  return (await initAdapter(checkpoint, model, options)).adapter;
}

/** Pushes the whole model; where the Hub cannot put the base's weights beside it, the adapter. */
async function publishGrafted(
  plan: Plan,
  { as }: HubInjection,
  { origin }: OpenBase,
  adapter: AdapterSource,
  invocation: Invocation,
): Promise<Published> {
  try {
    const outcome = await publish(plan, invocation, { origin });
    const copies = outcome.pushed?.copied.length ?? 0;
    const isOpen = outcome.dryRun && copies > 0 &&
      !isSameRepository(plan.output, origin, invocation);
    return {
      ...{ mode: as, outcome },
      ...(isOpen
        ? { why: "Where the Hub does not copy the base's weights, the adapter only" }
        : {}),
    };
  } catch (error) {
    const isDeclined = error instanceof TinygraftError && error.code === "not-copied";
    if (!isDeclined || "arrays" in adapter) throw error;
    const alone = planAdapter(
      adapter.config,
      adapterSteps(adapter),
      plan.output,
      adapter.inputs,
      { configText: adapter.configText, sources: adapter.sources },
    );
    return { mode: "adapter", why: error.message, outcome: await publish(alone, invocation) };
  }
}

function isSameRepository(
  output: string,
  origin: HubOrigin | undefined,
  invocation: Invocation,
): boolean {
  return repositoryName(invocation, output) === origin?.address.id;
}
