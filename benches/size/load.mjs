// Installs and imports one wheel in Pyodide and prints how long that took, in milliseconds, as JSON: the total, and in it the time to
// compile and to instantiate WebAssembly; and how long it takes to unpack the archive alone, into another directory afterwards. Standard input: {"runtime": DIR, "wheel": PATH, "python": SNIPPET or null}
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

console.log = console.info = console.warn = console.error;
const { runtime, wheel, python } = JSON.parse(fs.readFileSync(0, 'utf8'));
const directory = path.resolve(runtime) + path.sep;
const { loadPyodide } = await import(pathToFileURL(path.join(directory, 'pyodide.mjs')));
const py = await loadPyodide({ indexURL: directory, stdout: console.error, stderr: console.error });
// What loading takes anyway is there before the clock starts.
py.runPython('import ctypes, glob, site');

const times = { compile: 0, instantiate: 0 };
function timed(constructor, what) {
  return new Proxy(constructor, {
    construct(target, args) {
      const start = performance.now();
      try {
        return Reflect.construct(target, args);
      } finally {
        times[what] += performance.now() - start;
      }
    },
  });
}
WebAssembly.Module = timed(WebAssembly.Module, 'compile');
WebAssembly.Instance = timed(WebAssembly.Instance, 'instantiate');
// The asynchronous form, in its two steps: it is used for modules, not for bytes that are still to come.
WebAssembly.instantiate = async (source, imports) => {
  if (source instanceof WebAssembly.Module) return new WebAssembly.Instance(source, imports);
  const module = new WebAssembly.Module(source);
  return { module, instance: new WebAssembly.Instance(module, imports) };
};

const LOAD_ALL = `
roots = [*site.getsitepackages(), '/usr/lib']
paths = sorted(path for root in roots for path in glob.glob(root + '/**/*.so', recursive=True))
# Libraries before what needs them: the loader of 2024 finds only what is loaded already.
pending, last = paths, None
while pending and len(pending) != last:
    last, failed = len(pending), []
    for path in pending:
        try:
            ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
        except OSError as caught:
            failed.append(path)
            error = caught
    pending = failed
if pending or not paths:
    raise error if pending else RuntimeError('no module is installed')
`;

const start = performance.now();
if (wheel.endsWith('.zip')) {
  py.unpackArchive(new Uint8Array(fs.readFileSync(wheel)), 'zip', { extractDir: '/usr/lib' });
} else {
  await py.loadPackage(pathToFileURL(path.resolve(wheel)).href, {
    checkIntegrity: false, messageCallback() {}, errorCallback(message) { throw new Error(message); },
  });
}
py.runPython(python ?? LOAD_ALL);
const total = performance.now() - start;
const bytes = new Uint8Array(fs.readFileSync(wheel));
const before = performance.now();
py.unpackArchive(bytes, 'zip', { extractDir: '/unpacked' });
const unpack = performance.now() - before;
fs.writeSync(1, JSON.stringify({ ...times, total, unpack }) + '\n');
process.exit(0);
