import { assert, assertEquals } from "@std/assert";
import { packError, packOp, unpackError, unpackOp } from "../../../lib/compute/webgpu/messages.ts";
import type { LayerNormOp } from "../../../lib/compute/ops/op.ts";
import { DeviceError, TinygraftError } from "../../../lib/errors.ts";

const value = (label: string) => ({ label, rowsFollow: "tokens", cols: 4 }) as const;
const vector = (label: string) => ({ label, rows: 1, cols: 4 });

Deno.test("unpackOp() makes of what packOp() sent the same operation on the other side's matrices", () => {
  const op: LayerNormOp = {
    op: "layerNorm",
    x: value("x"),
    weight: vector("weight"),
    bias: vector("bias"),
    eps: 1e-12,
    y: value("y"),
  };
  const ours = [op.x, op.weight, op.bias, op.y];
  const sent = packOp(op, (resource) => ours.indexOf(resource));
  assertEquals(sent, {
    plain: { op: "layerNorm", eps: 1e-12 },
    resources: { x: 0, weight: 1, bias: 2, y: 3 },
  });
  const theirs = ours.map((resource) => ({ ...resource }));
  const received = unpackOp(structuredClone(sent), (id) => theirs[id]!) as LayerNormOp;
  assertEquals(received, op);
  assert(received.x === theirs[0] && received.y === theirs[3]);
});

Deno.test("unpackError() keeps the class, message and code of what packError() sent", () => {
  const errors = [
    new DeviceError("lost", { code: "device-lost" }),
    new TinygraftError("bad", { code: "non-finite" }),
    new RangeError("too large"),
    new TypeError("freed"),
  ];
  for (const error of errors) {
    const received = unpackError(structuredClone(packError(error)));
    assertEquals([received.constructor, received.message], [error.constructor, error.message]);
    if (!(error instanceof TinygraftError)) continue;
    assertEquals((received as TinygraftError).code, error.code);
  }
});

Deno.test("unpackError() makes an internal error of one that nobody meant", () => {
  for (const thrown of [new SyntaxError("odd"), "odd"]) {
    const error = unpackError(packError(thrown));
    assert(error instanceof TinygraftError);
    assertEquals([error.message, error.code], ["odd", "internal"]);
  }
});
