// The ways to adapt a frozen or unfrozen encoder that the bench holds against each other.

/** One way to adapt an encoder to a task. */
export interface Method {
  /** Its name in flags and files. */
  readonly name: string;
  /** Its name in the table. */
  readonly title: string;
  /** Learning rates to choose from. */
  readonly rates: readonly number[];
  /** The learning rate where none is chosen. */
  readonly rate: number;
}

/** Our own command; the others are of `pytorch_method.py`. */
export const OURS = "tiny";

/**
 * The methods, each with the rates that its users try, the usual one in the middle. For LoRA, BitFit
 * and full fine-tuning that is above what their authors chose for GLUE on models of 110 million
 * parameters and more: a base of 23 million bears larger steps.
 */
export const METHODS: readonly Method[] = [
  method(OURS, "tiny attention, 4 heads (tinygraft)", [1e-3, 3e-3, 1e-2]),
  method("lora", "LoRA on query and value, rank 8 (PEFT)", [3e-4, 1e-3, 3e-3]),
  method("bitfit", "BitFit, every bias", [3e-4, 1e-3, 3e-3]),
  method("bottleneck", "bottleneck adapters, width 24", [3e-4, 1e-3, 3e-3]),
  method("full", "full fine-tuning", [3e-5, 1e-4, 3e-4]),
  method("probe", "linear probe", [1e-3, 3e-3, 1e-2]),
];

function method(name: string, title: string, rates: [number, number, number]): Method {
  return { name, title, rates, rate: rates[1] };
}
