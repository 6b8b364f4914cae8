// Compares the functions of a table with those of a Pyodide runtime, and prints what each was compared with:
// `node substitutes.mjs PYODIDE TABLE`, with the directory of the npm package and a module that exports the functions.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [directory, table] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(path.join(directory, "pyodide.mjs")));
const theirs = (await loadPyodide())._module.LDSO.loadedLibsByName.__main__.exports;
const ours = new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(table))).exports;

const values = [-0x80000000, -1000, 1000, 0xffff, 0x10ffff, 0x7fffffff];
for (let c = -1; c < 0x10000; c++) values.push(c);

const traps = (f) => {
  try {
    f(0, 0, 0, 0);
    return false;
  } catch (error) {
    return error instanceof WebAssembly.RuntimeError;
  }
};

for (const [name, f] of Object.entries(ours)) {
  if (name === "abort" || name === "__assert_fail") {
    console.log(name, traps(f) ? "traps" : "returns");
  } else if (name.includes("memcpy")) {
    console.log(name, "copies");
  } else if (!theirs[name] || theirs[name].stub) {
    console.log(name, "alone");
  } else {
    // Classes answer with any number but 0.
    const answer = (g, c) => (name.startsWith("is") ? Boolean(g(c)) : g(c));
    const differences = values.filter((c) => answer(f, c) !== answer(theirs[name], c));
    console.log(name, differences.length ? `differs at ${differences.slice(0, 5)}` : "equal");
  }
}
