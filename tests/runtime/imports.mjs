// Prints what a main module is given as `env` when its program instantiates it, one `name kind` per line, and ends the program:
// `node imports.mjs web-tree-sitter DIRECTORY` or `node imports.mjs duckdb DIRECTORY MAIN`, with the directory of the npm package and the
// file of a main module in it.

import path from "node:path";
import { pathToFileURL } from "node:url";

const [program, directory, main] = process.argv.slice(2);

const isImmutable = (global) => {
  try {
    global.value = global.value;
    return false;
  } catch {
    return true;
  }
};

const kind = (value) => {
  if (typeof value === "function") return "func";
  if (typeof value === "number") return "data";
  if (value instanceof WebAssembly.Global) return isImmutable(value) ? "constant" : "global";
  for (const name of ["Tag", "Table", "Memory"]) if (value instanceof WebAssembly[name]) return name.toLowerCase();
  return typeof value;
};

const report = (imports) => {
  if (!imports?.env) return;
  const names = Object.keys(imports.env).filter((name) => !imports.env[name]?.stub);
  console.log(names.map((name) => `${name} ${kind(imports.env[name])}`).join("\n"));
  process.exit(0);
};

const { instantiate } = WebAssembly;
WebAssembly.instantiate = (module, imports) => {
  report(imports);
  return instantiate(module, imports);
};
WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, parameters) {
    report(parameters[1]);
    return Reflect.construct(target, parameters);
  },
});

const load = async (file) => await import(pathToFileURL(path.join(directory, file)));
if (program === "web-tree-sitter") {
  const { Parser } = await load("web-tree-sitter.js");
  await Parser.init();
} else {
  const { default: duckdb } = await load("dist/duckdb-node-blocking.cjs");
  const bundle = { mainModule: path.join(directory, main) };
  const bundles = main.includes("mvp") ? { mvp: bundle } : { mvp: bundle, eh: bundle };
  const bindings = await duckdb.createDuckDB(bundles, new duckdb.VoidLogger(), duckdb.NODE_RUNTIME);
  await bindings.instantiate(() => {});
}
