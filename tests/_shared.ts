// Real models and data sets, which lie beside the checkout where there are any.

const SHARED = new URL("../../shared/", import.meta.url);
let reported = false;

/**
 * The path of a file or folder of `../shared`, or undefined when it is not there. The first
 * miss of a run is reported in one line, since what needs the file is then not tested.
 */
export function sharedPath(name: string): string | undefined {
  const path = decodeURIComponent(new URL(name, SHARED).pathname);
  try {
    Deno.statSync(path);
    return path;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (!reported) console.warn(`tests that need ../shared are not run: ${name} is not there`);
  reported = true;
  return undefined;
}
