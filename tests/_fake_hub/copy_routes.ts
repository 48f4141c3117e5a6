// Large files of the fake Hub from one repository to another, without their bytes being sent.

import { readJson, refusals, Refused, textOf } from "./answers.ts";
import type { RepositoryCall } from "./api_routes.ts";
import { assertMethod } from "./hub.ts";
import { readAccess } from "./read_routes.ts";
import { xetHashOf } from "./storage.ts";
import { assertWritable } from "./write_access.ts";

/** Answers `POST /api/models/{id}/lfs-files/duplicate`; the repository is the one that has them. */
export async function answerCopies(call: RepositoryCall): Promise<Response> {
  const { hub, request, repository, parts, account } = call;
  if (parts.join("/") !== "lfs-files/duplicate") throw refusals.route();
  assertMethod(request, "POST");
  const json = await readJson(request);
  const { type, name } = json["target"] as { type: string; name: string };
  if (type !== "model") throw new Refused(400, "This server has models only");
  const target = readAccess(hub, name, account);
  assertWritable(target, account);
  if (target.region !== repository.region) {
    throw new Refused(400, "Files cannot be copied to another storage region");
  }
  const files = json["files"] as Record<string, unknown>[];
  const failed: { sha256: string; error: string }[] = [];
  for (const file of files) {
    const sha256 = textOf(file, "sha256");
    const isKnown = repository.objects.has(sha256) && hub.storage.get(sha256) !== undefined;
    if (isKnown && repository.inXet && file["xetHash"] === xetHashOf(sha256)) {
      target.objects.add(sha256);
    } else failed.push({ sha256, error: "File not found in the source repository" });
  }
  return Response.json({ success: failed.length === 0, failed });
}
