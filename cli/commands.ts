/**
 * The table of commands.
 *
 * @module
 */

import { card } from "./card.ts";
import { check } from "./check.ts";
import type { Command } from "./command.ts";
import { completionsCommand } from "./completions_command.ts";
import { convert } from "./convert.ts";
import { diff } from "./diff.ts";
import { doctor } from "./doctor.ts";
import { exportCommand } from "./export.ts";
import { extract } from "./extract.ts";
import { hash } from "./hash.ts";
import { importCommand } from "./import.ts";
import { init } from "./init.ts";
import { inject } from "./inject.ts";
import { inspect } from "./inspect.ts";
import { merge } from "./merge.ts";
import { predict } from "./predict.ts";
import { pull } from "./pull.ts";
import { push } from "./push.ts";
import { soup } from "./soup.ts";
import { train } from "./train.ts";
import { validate } from "./validate.ts";

/** Every command, in the order of `--help`. */
export const COMMANDS: readonly Command[] = [
  inspect,
  validate,
  diff,
  hash,
  convert,
  init,
  inject,
  extract,
  importCommand,
  exportCommand,
  train,
  merge,
  soup,
  check,
  predict,
  pull,
  push,
  card,
  doctor,
  completionsCommand(() => COMMANDS),
];
