/**
 * What every report says of the run that it comes from.
 *
 * @module
 */

/** A value before the merge and after it. */
export interface BeforeAfter<T> {
  /** Before. */
  readonly before: T;
  /** After. */
  readonly after: T;
}

/** How the numbers of a report came to be. */
export interface RunDetails {
  /** The command line that makes the report again. */
  readonly command: string;
  /**
   * Versions, device and the like, as names with values, in the order to show. Reports hold no date
   * of their own: the same data gives the same bytes.
   */
  readonly environment: readonly (readonly [name: string, value: string])[];
}
