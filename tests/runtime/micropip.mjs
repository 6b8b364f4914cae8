// node micropip.mjs RUNTIME PACKAGING.whl MICROPIP.whl WHEEL...
// Installs wheels with micropip, which checks tags and loads every module, and prints `ok FILE` or `EXC FILE: message`.
// RUNTIME is an unpacked npm `pyodide` package; the two tools come from PyPI in the versions its pyodide-lock.json names.
// The exit code is the number of wheels that failed.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [runtime, packaging, micropip, ...wheels] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(path.resolve(runtime, 'pyodide.mjs')));
const pyodide = await loadPyodide({ indexURL: path.resolve(runtime) + path.sep, stdout: () => {}, stderr: () => {} });
const sitePackages = pyodide.runPython('import site; site.getsitepackages()[0]');
for (const tool of [packaging, micropip]) {
  pyodide.unpackArchive(new Uint8Array(fs.readFileSync(tool)), 'wheel', { extractDir: sitePackages });
}
const install = await pyodide.runPythonAsync(`
import micropip
async def install(url):
    await micropip.install(url, deps=False)
install`);

let failed = 0;
for (const wheel of wheels) {
  const name = path.basename(wheel);
  pyodide.FS.writeFile('/tmp/' + name, new Uint8Array(fs.readFileSync(wheel)));
  try {
    await install('emfs:/tmp/' + name);
    console.log('ok', name);
  } catch (error) {
    failed += 1;
    console.log(`EXC ${name}: ${String(error.message).trim().split('\n').pop()}`);
  }
}
process.exit(failed);
