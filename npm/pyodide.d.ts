import type { Progress } from "./index.js";

export interface EnableOptions {
  /** What `--target` takes; else the release of Pyodide that is running. */
  target?: string;
  /** More words of the command line. */
  options?: readonly string[];
  /** `false` keeps no results in Cache Storage, where there is one. */
  cache?: boolean;
  /** `false` upgrades in this thread. */
  worker?: boolean;
  onProgress?: (progress: Progress) => void;
}

/**
 * From now on `pyodide.loadPackage` and `micropip.install` take the addresses of wheels for older platforms. Call it again where micropip was
 * unpacked by hand afterwards.
 */
export function enable(pyodide: unknown, options?: EnableOptions): void;
