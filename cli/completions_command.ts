/**
 * `tinygraft completions`: completion scripts for shells.
 *
 * @module
 */

import { UsageError } from "../lib/errors.ts";
import type { Command } from "./command.ts";
import { completions, type Shell, SHELLS } from "./completions.ts";

/**
 * Makes the command.
 *
 * @param commands Looks up the table of commands, which holds this one.
 */
export const completionsCommand = (commands: () => readonly Command[]): Command => ({
  name: "completions",
  group: "Tool",
  summary: "print a completion script for bash, zsh or fish",
  description:
    "Prints a script that completes commands, flags, the values that a flag takes, and\n" +
    "files; source it, or save it where your shell looks for completions.",
  positionals: [{ name: "SHELL", help: SHELLS.join(", "), choices: SHELLS }],
  flags: [],
  examples: [
    { does: "for the current bash", line: "source <(tinygraft completions bash)" },
    {
      does: "for zsh, from now on: in a folder of $fpath",
      line: "tinygraft completions zsh > ~/.zsh/completions/_tinygraft",
    },
    {
      does: "for fish, from now on",
      line: "tinygraft completions fish > ~/.config/fish/completions/tinygraft.fish",
    },
  ],
  run(invocation) {
    const [shell] = invocation.args as [string];
    if (!SHELLS.includes(shell as Shell)) {
      throw new UsageError(`Unknown shell "${shell}": expected one of ${SHELLS.join(", ")}`);
    }
    const script = completions(shell as Shell, commands());
    invocation.print({ shell, script }, () => script);
    return Promise.resolve(0);
  },
});
