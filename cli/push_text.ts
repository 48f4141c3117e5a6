/**
 * What was pushed, for people.
 *
 * @module
 */

import type { PushedFile, PushResult } from "../lib/hub/push.ts";
import { formatBytes, formatCount, formatTable, printable } from "./format.ts";

/**
 * Says what was pushed, or on a dry run would be.
 *
 * @param result What the push did.
 * @param location Where to, as the user gave it.
 * @returns Several lines.
 */
export function pushText(result: PushResult, location: string): string {
  const { commit, url, pullRequest, uploaded, copied, removed, unchanged, dryRun } = result;
  const same = `${formatCount(unchanged.length)} files are on the Hub already`;
  if (uploaded.length + copied.length + removed.length === 0) {
    return `Nothing to push to ${printable(location)}: ${same}; no commit was made`;
  }
  const verb = dryRun ? "Would push" : "Pushed";
  const lines = [`${verb} to ${printable(location)}:`, tableOf(uploaded)];
  if (copied.length > 0) {
    lines.push("Put there by the Hub itself, without its bytes being sent:", tableOf(copied));
  }
  if (removed.length > 0) lines.push(`Removed: ${removed.map(printable).join(", ")}`);
  lines.push(same);
  if (dryRun) return lines.join("\n");
  return [...lines, `Commit ${commit}, checked: ${pullRequest ?? url}`].join("\n");
}

function tableOf(files: readonly PushedFile[]): string {
  const rows = files.map(({ path, bytes, sha256 }) => [
    `  ${printable(path)}`,
    formatBytes(bytes),
    sha256.slice(0, 12),
  ]);
  return formatTable(["  file", "bytes", "sha256"], rows, ["left", "right"]);
}
