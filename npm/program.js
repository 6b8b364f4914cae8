// One run of the program over files in memory: files in, words, files out.

import { Files, run } from "./wasi.js";

/**
 * Runs `module` with the words `args` over `inputs`, pairs of a path below `/in` and contents. `onLine` gets the lines of standard error.
 * `files` are those that it left below `/out`.
 */
export function execute(module, args, inputs, onLine) {
  const files = new Files();
  files.write("/out/.keep", new Uint8Array());
  inputs.forEach(([path, bytes]) => files.write(`/in/${path}`, bytes));
  const { exitCode, stdout } = run(module, ["wasm-pyfix", ...args], files, onLine);
  return { exitCode, stdout, files: files.read("/out").filter(([name]) => name !== ".keep") };
}
