// What pages and Node have in different ways: the compiled program, and workers.

const node = globalThis.process?.versions?.node !== undefined;
const programUrl = new URL("./wasm-pyfix.wasm", import.meta.url);
let compiled;

async function compile() {
  if (node && programUrl.protocol === "file:") {
    const { readFile } = await import("node:fs/promises");
    return WebAssembly.compile(await readFile(programUrl));
  }
  const response = await fetch(programUrl);
  if (!response.ok) throw new Error(`cannot fetch ${programUrl}: ${response.status}`);
  // Servers that do not know the type of the file are served, too.
  return WebAssembly.compile(await response.arrayBuffer());
}

/** The program, compiled once. */
export function program() {
  compiled ??= compile().catch((error) => {
    compiled = undefined;
    throw error;
  });
  return compiled;
}

/** A worker; pages may start scripts of their own origin alone, and those that they made themselves. */
async function start() {
  if (node) {
    const { Worker } = await import("node:worker_threads");
    // Words for this thread, such as `--input-type`, are none for a file.
    return new Worker(new URL("./worker.js", import.meta.url), { execArgv: [] });
  }
  const url = new URL("./worker.js", import.meta.url);
  if (url.origin === globalThis.location?.origin) return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  const script = new Blob([`import ${JSON.stringify(url.href)};`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(script), { type: "module" });
}

function listen(worker, name, then) {
  if (node) worker.on(name, then);
  else worker.addEventListener(name, (event) => then(name === "message" ? event.data : (event.error ?? new Error(event.message))));
}

/** Runs the program in a worker of its own, which ends with it or when `signal` says so. */
export async function inWorker(args, inputs, onLine, signal) {
  signal?.throwIfAborted();
  const module = await program();
  const worker = await start();
  let abort;
  try {
    return await new Promise((resolve, reject) => {
      abort = () => reject(signal.reason);
      signal?.addEventListener("abort", abort);
      listen(worker, "message", (message) => {
        if (message.line !== undefined) onLine(message.line);
        else if (message.result) resolve(message.result);
        else reject(new Error(message.error));
      });
      listen(worker, "error", reject);
      worker.postMessage({ module, args, inputs });
    });
  } finally {
    signal?.removeEventListener("abort", abort);
    await worker.terminate();
  }
}
