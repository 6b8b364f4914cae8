// Loads a wheel into Pyodide, imports its modules and runs a test: `node verify.mjs`.
//
// Standard input: one JSON object
//   {"runtime": DIR, "packages": [NAME], "files": [PATH], "modules": [NAME], "test": TEXT or null}
//   runtime   an unpacked npm package `pyodide`
//   packages  packages of the runtime's lock file, for loadPackage
//   files     wheels for loadPackage, after these
//   modules   what is imported then, in this order
//   test      Python that runs at last
//
// Standard output: JSON lines, each as soon as it is known, so that a runtime that dies leaves what it did before
//   {"loaded": true}
//   {"module": NAME, "members": ["name: type"]} or {"module": NAME, "error": TEXT}
//   {"printed": TEXT} or {"printed": TEXT, "error": TEXT}   of the test
//   {"fatal": TEXT}   instead of what is missing
//   {"done": true}
//
// What the runtime prints elsewhere goes to standard error.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

console.log = console.info = console.warn = console.error;
const { runtime, packages, files, modules, test } = JSON.parse(fs.readFileSync(0, "utf8"));
const say = (line) => fs.writeSync(1, JSON.stringify(line) + "\n");

function die(error) {
  say({ fatal: String(error?.message ?? error).trim() });
  process.exit(0);
}
process.on("uncaughtException", die);
process.on("unhandledRejection", die);

const LOOK = `
import importlib, json

def look(name):
    try:
        module = importlib.import_module(name)
    except BaseException as error:
        return json.dumps({"module": name, "error": f"{type(error).__name__}: {error}"})
    kind = lambda member: type(getattr(module, member, None)).__name__
    return json.dumps({"module": name, "members": [f"{member}: {kind(member)}" for member in dir(module)]})

look`;

let printed = null;
const print = (line) => (printed === null ? console.error(line) : printed.push(line));
const directory = path.resolve(runtime) + path.sep;
const { loadPyodide } = await import(pathToFileURL(path.join(directory, "pyodide.mjs")));
const pyodide = await loadPyodide({ indexURL: directory, stdout: print, stderr: print });
const failures = [];
const options = { checkIntegrity: false, messageCallback: () => {}, errorCallback: (line) => failures.push(line) };
for (const wanted of [...packages, ...files.map((file) => pathToFileURL(path.resolve(file)).href)]) {
  await pyodide.loadPackage(wanted, options);
}
if (failures.length > 0) die(failures.join("\n"));
say({ loaded: true });
const look = pyodide.runPython(LOOK);
for (const name of modules) say(JSON.parse(look(name)));
if (test !== null) {
  printed = [];
  let error;
  try {
    await pyodide.runPythonAsync(test);
  } catch (thrown) {
    // The last line of a traceback is the exception; one of the runtime itself ends it.
    error = String(thrown?.message ?? thrown).trim().split("\n").pop();
  }
  say({ printed: printed.join("\n"), error });
}
say({ done: true });
process.exit(0);
