// node npm_pyodide.mjs PACKAGE RUNTIME PACKAGING.whl MICROPIP.whl WHEEL
// Installs WHEEL, which is for an older platform, with `loadPackage` and in another runtime with micropip, after `enable` of the npm package in the
// directory PACKAGE; and tries to with a wrong hash, and without `enable`. Prints a line for each.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [directory, runtime, packaging, micropip, wheel] = process.argv.slice(2);
const { enable } = await import(pathToFileURL(path.resolve(directory, 'pyodide.js')));
const { loadPyodide } = await import(pathToFileURL(path.resolve(runtime, 'pyodide.mjs')));
const indexURL = path.resolve(runtime) + path.sep;
const distribution = path.basename(wheel).split('-')[0];
const url = pathToFileURL(path.resolve(wheel)).href;

async function attempt(label, enabled, install) {
  const pyodide = await loadPyodide({ indexURL, stdout: () => {}, stderr: () => {} });
  const extractDir = pyodide.runPython('import site; site.getsitepackages()[0]');
  for (const tool of [packaging, micropip]) {
    pyodide.unpackArchive(new Uint8Array(fs.readFileSync(tool)), 'wheel', { extractDir });
  }
  if (enabled) enable(pyodide);
  try {
    await install(pyodide);
    pyodide.pyimport(distribution);
    console.log(label, 'ok');
  } catch (error) {
    console.log(label, String(error.message).trim().split('\n').pop());
  }
}

const python = (pyodide, address) =>
  pyodide.runPythonAsync(`import micropip\nawait micropip.install(${JSON.stringify(address)}, deps=False)`);
await attempt('before', false, (pyodide) => python(pyodide, url));
await attempt('loadPackage', true, (pyodide) => pyodide.loadPackage(url));
await attempt('micropip', true, (pyodide) => python(pyodide, url));
await attempt('hash', true, (pyodide) => pyodide.loadPackage(`${url}#sha256=${'0'.repeat(64)}`));
