// Progress on a clock that the test turns.

import type { Io } from "../../cli/io.ts";
import { Progress } from "../../cli/progress.ts";

/** Progress with its outside world, the lines that it wrote, and its clock. */
export function clockedProgress(terminal: boolean, quiet = false) {
  const lines: string[] = [];
  let now = 0;
  const io: Io = {
    out: () => {},
    err: (text) => void lines.push(text),
    status: (text) => void lines.push(`status ${text}`),
    terminal,
    color: false,
    signal: new AbortController().signal,
    prepareDevice: () => {},
    env: () => undefined,
  };
  const progress = new Progress(io, quiet, () => now);
  return { io, lines, progress, at: (ms: number) => now = ms };
}
