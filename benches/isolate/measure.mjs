// Installs and imports one wheel in Pyodide, loads an empty side module before and after it, and runs loops of calls; prints one JSON line:
// {"import", "before", "after", "call"}: milliseconds, and for a call nanoseconds or null.
// Standard input: {"runtime": DIR, "wheel": PATH, "python": SNIPPET, "empty": PATH, "calls": NUMBER or 0}; the snippet of a wheel with
// calls leaves a `run` that makes so many of them.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const EMPTY_MODULES = 9;
const LOOPS = 9;

console.log = console.info = console.warn = console.error;
const { runtime, wheel, python, empty, calls } = JSON.parse(fs.readFileSync(0, 'utf8'));
const directory = path.resolve(runtime) + path.sep;
const { loadPyodide } = await import(pathToFileURL(path.join(directory, 'pyodide.mjs')));
const py = await loadPyodide({ indexURL: directory, stdout: console.error, stderr: console.error });
py.runPython('import ctypes');

function timed(snippet) {
  const start = performance.now();
  py.runPython(snippet);
  return performance.now() - start;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

const bytes = new Uint8Array(fs.readFileSync(empty));
let loaded = 0;
function loadsOfEmpty() {
  const times = Array.from({ length: EMPTY_MODULES }, () => {
    const name = `/tmp/empty${++loaded}.so`;
    py.FS.writeFile(name, bytes);
    return timed(`ctypes.CDLL('${name}')`);
  });
  return median(times);
}

const before = loadsOfEmpty();
const start = performance.now();
await py.loadPackage(pathToFileURL(path.resolve(wheel)).href, {
  checkIntegrity: false, messageCallback() {}, errorCallback(message) { throw new Error(message); },
});
py.runPython(python);
const imported = performance.now() - start;
const after = loadsOfEmpty();
const call = calls === 0 ? null : median(Array.from({ length: LOOPS }, () => timed(`run(${calls})`))) * 1e6 / calls;
fs.writeSync(1, JSON.stringify({ import: imported, before, after, call }) + '\n');
process.exit(0);
