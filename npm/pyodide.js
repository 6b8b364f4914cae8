// Wheels of older platforms in a running Pyodide: upgraded while they are installed.
//
// `pyodide.loadPackage` is replaced by a function that gives the original the upgraded wheel under a URL of its own. Pyodide fetches that, and
// `fetch` answers it from memory. `micropip.install` is replaced by one that gives the original an `emfs:` path, which micropip has for
// wheels in the file system of the runtime. Other requests, and wheels that are for this platform or any, go through untouched.

import { upgrade } from "./index.js";
import { VERSION } from "./version.js";

const CACHE = "wasm-pyfix";
const DIRECTORY = "/tmp/wasm-pyfix";
/** Nothing is ever found at this host (RFC 2606), so that no request for a result leaves the page. */
const NOWHERE = "https://wasm-pyfix.invalid/";

const PATCH = `
def _patch(prepare, discard):
    try:
        import micropip
    except ImportError:
        return
    original = micropip.install
    if hasattr(original, "_wasm_pyfix"):
        return
    async def install(requirements, *args, **kwargs):
        wanted = [requirements] if isinstance(requirements, str) else list(requirements)
        prepared = [await prepare(requirement) for requirement in wanted]
        try:
            return await original(prepared, *args, **kwargs)
        finally:
            discard(*prepared)
    install._wasm_pyfix = original
    micropip.install = install
_patch`;

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const sha256 = async (bytes) => hex(await crypto.subtle.digest("SHA-256", bytes));

/** The file name and the promised hash in the address of a wheel. */
function parse(address) {
  const [path, fragment = ""] = address.split("#");
  const name = decodeURIComponent(path.split("?")[0].split("/").pop());
  return { path, name, hash: /(?:^|&)sha256=([0-9a-fA-F]{64})/.exec(fragment)?.[1]?.toLowerCase() };
}

/** The platforms in the name of a wheel; none for other files. */
function platforms(name) {
  return name.endsWith(".whl") ? name.slice(0, -4).split("-").pop().split(".") : [];
}

class Upgrades {
  constructor(pyodide, options) {
    this.pyodide = pyodide;
    this.options = options;
    this.target = options.target ?? pyodide.version;
    this.abi = pyodide.lockfile.info.abi_version;
    /** What `fetch` answers, by URL. */
    this.answers = new Map();
    /** How many installations were begun, and how many of them wait for answers. */
    this.begun = 0;
    this.waiting = 0;
  }

  /** Whether a wheel was built for another platform of Emscripten. */
  isForeign(address) {
    const own = platforms(parse(address).name);
    const isOwn = (platform) => platform === "any" || platform.endsWith(`_${this.abi}_wasm32`);
    return own.some((platform) => platform.endsWith("_wasm32")) && !own.some(isOwn);
  }

  async read(path) {
    if (path.startsWith("emfs:")) return this.pyodide.FS.readFile(path.slice("emfs:".length));
    const isUrl = /^[a-z][a-z0-9+.-]+:/i.test(path);
    if (globalThis.process?.versions?.node !== undefined && (!isUrl || path.startsWith("file:"))) {
      const { readFile } = await import("node:fs/promises");
      return new Uint8Array(await readFile(isUrl ? new URL(path) : path));
    }
    const response = await fetch(path);
    if (!response.ok) throw new Error(`cannot fetch ${path}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  }

  /** The upgraded wheel for an address. */
  async wheel(address) {
    const { path, name, hash } = parse(address);
    const bytes = await this.read(path);
    const own = await sha256(bytes);
    if (hash !== undefined && hash !== own) throw new Error(`${name} is not what was promised: its SHA-256 is ${own}, expected ${hash}`);
    const cache = this.options.cache === false ? undefined : await globalThis.caches?.open(CACHE);
    // Pyodide before 0.29.4 knows platforms of 2025 under their old name alone.
    const style = this.abi === "2025_0" ? ["--tag-style=legacy"] : [];
    const options = [...style, ...(this.options.options ?? [])];
    const key = `${NOWHERE}${own}/${encodeURIComponent(this.target)}/${VERSION}?${encodeURIComponent(JSON.stringify([name, options]))}`;
    const known = await cache?.match(key);
    if (known) return { name: known.headers.get("x-file-name"), bytes: new Uint8Array(await known.arrayBuffer()) };
    let upgraded;
    try {
      upgraded = await upgrade(bytes, { ...this.options, name, target: this.target, options });
    } catch (error) {
      error.message = `${name} cannot be installed on Pyodide ${this.pyodide.version}: ${error.message}`;
      throw error;
    }
    await cache?.put(key, new Response(upgraded.bytes, { headers: { "x-file-name": upgraded.name } }));
    return upgraded;
  }

  async loadPackage(original, names, ...rest) {
    // Lists may come from Python.
    const plain = typeof names === "string" ? [names] : (names?.toJs?.() ?? names);
    const wanted = [];
    // Several may be under way at once, with the same wheel.
    const own = `${NOWHERE}${this.begun++}/`;
    for (const name of plain) {
      if (!this.isForeign(name)) {
        wanted.push(name);
        continue;
      }
      const wheel = await this.wheel(name);
      const url = `${own}${wheel.name}`;
      this.answers.set(url, wheel.bytes);
      wanted.push(url);
    }
    try {
      return await this.answering(() => original(wanted, ...rest));
    } finally {
      wanted.forEach((url) => this.answers.delete(url));
      this.patch();
    }
  }

  /** Runs `work` while `fetch` knows the results. */
  async answering(work) {
    if (this.answers.size === 0) return work();
    if (this.waiting++ === 0) {
      const before = globalThis.fetch;
      this.fetch = (request, ...rest) => {
        const bytes = this.answers.get(String(request?.url ?? request));
        return bytes ? Promise.resolve(new Response(bytes)) : before.call(globalThis, request, ...rest);
      };
      this.restore = () => {
        // Somebody may have put another one in front.
        if (globalThis.fetch === this.fetch) globalThis.fetch = before;
      };
      globalThis.fetch = this.fetch;
    }
    try {
      return await work();
    } finally {
      if (--this.waiting === 0) this.restore();
    }
  }

  /** What micropip is to install in the place of a requirement. */
  async prepare(requirement) {
    if (!this.isForeign(requirement)) return requirement;
    const wheel = await this.wheel(requirement);
    this.pyodide.FS.mkdirTree(DIRECTORY);
    this.pyodide.FS.writeFile(`${DIRECTORY}/${wheel.name}`, wheel.bytes);
    return `emfs:${DIRECTORY}/${wheel.name}`;
  }

  discard(...requirements) {
    const own = requirements.filter((requirement) => requirement.startsWith(`emfs:${DIRECTORY}/`));
    own.forEach((requirement) => this.pyodide.FS.unlink(requirement.slice("emfs:".length)));
  }

  /** Has micropip ask us, once it is there. */
  patch() {
    const patch = this.pyodide.runPython(PATCH, { globals: this.pyodide.toPy({}) });
    patch((requirement) => this.prepare(requirement), (...requirements) => this.discard(...requirements));
  }
}

export function enable(pyodide, options = {}) {
  if (pyodide.loadPackage.upgrades) {
    // micropip may have come by another way since.
    pyodide.loadPackage.upgrades.patch();
    return;
  }
  const upgrades = new Upgrades(pyodide, options);
  const original = pyodide.loadPackage;
  const loadPackage = (...args) => upgrades.loadPackage(original, ...args);
  loadPackage.upgrades = upgrades;
  pyodide.loadPackage = loadPackage;
  upgrades.patch();
}
