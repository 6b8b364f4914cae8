// Runs Python snippets in a Pyodide runtime under Node, each in a fresh runtime.
//
// node run.mjs RUNTIME
//   RUNTIME    an unpacked npm `pyodide` package
//
// Standard input: lines of JSON
//   [{"name", "files", "archives", "installs", "lock", "packages", "env", "python"}, ...]
//   files      [[path in the runtime, path on the host], ...], written before anything runs
//   archives   [[path on the host, format, directory in the runtime or null], ...], unpacked without looking at tags
//   installs   [path on the host, ...], wheels for pyodide.loadPackage: into site-packages, their libraries preloaded
//   lock       path of a lock file on the host, beside its wheels, or null for that of the runtime
//   packages   [name, ...], packages of the lock file for pyodide.loadPackage
//   env        environment variables of the runtime
//   python     the snippet; its last expression is the answer
//
// Standard output: one JSON line per job, in order
//   {"name", "ok": true, "value": STRING, "libraries": [name, ...]} or {"name", "ok": false, "error": STRING}
//   libraries  the instances that the dynamic loader holds afterwards (Emscripten, src/lib/libdylink.js,
//              LDSO.loadedLibsByName): a file that is there twice, under two spellings of its path, was loaded twice
//
// Everything the runtime itself prints goes to standard error, so that it cannot be mistaken for an answer.
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { pathToFileURL } from 'node:url';

console.log = console.info = console.warn = console.error;
const directory = path.resolve(process.argv[2]) + path.sep;
const { loadPyodide } = await import(pathToFileURL(path.join(directory, 'pyodide.mjs')));

// A fatal error of an abandoned runtime can surface outside of any promise; it belongs to the job that is running.
let fail = () => {};
process.on('uncaughtException', (error) => fail(error));
process.on('unhandledRejection', (error) => fail(error));

function describe(error, printed) {
  // Of a Python traceback only the end tells something: the exception, whose message may have several lines.
  const message = String(error?.message ?? error).trim().split('\n').slice(-4);
  return [...message, ...printed.slice(-4)].join('\n');
}

async function run(job, printed) {
  const note = (line) => { printed.push(line); console.error(line); };
  const py = await loadPyodide({
    indexURL: directory,
    ...(job.lock === null ? {} : { lockFileURL: job.lock, packageCacheDir: path.dirname(job.lock) }),
    env: { HOME: '/home/pyodide', ...job.env },
    stdout: (line) => console.error(line),
    stderr: note,
  });
  for (const [target, source] of job.files) {
    py.FS.mkdirTree(path.posix.dirname(target));
    py.FS.writeFile(target, fs.readFileSync(source));
  }
  for (const [source, format, target] of job.archives) {
    const options = target === null ? undefined : { extractDir: target };
    py.unpackArchive(new Uint8Array(fs.readFileSync(source)), format, options);
  }
  for (const wheel of job.installs) {
    await py.loadPackage(pathToFileURL(path.resolve(wheel)).href, {
      checkIntegrity: false,
      messageCallback: () => {},
      errorCallback: note,
    });
  }
  if (job.packages.length > 0) {
    await py.loadPackage(job.packages, { messageCallback: () => {}, errorCallback: note });
  }
  const value = String(await py.runPythonAsync(job.python));
  const instances = new Set(Object.values(py._module.LDSO.loadedLibsByName));
  return { value, libraries: [...instances].map((library) => library.name) };
}

async function answer(job) {
  const printed = [];
  const crashed = new Promise((_, reject) => { fail = reject; });
  let answer;
  try {
    answer = { name: job.name, ok: true, ...(await Promise.race([run(job, printed), crashed])) };
  } catch (error) {
    answer = { name: job.name, ok: false, error: describe(error, printed) };
  }
  fail = () => {};
  fs.writeSync(1, JSON.stringify(answer) + '\n');
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  for (const job of JSON.parse(line)) await answer(job);
}
process.exit(0);
