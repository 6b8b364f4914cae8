// The side of a worker: one message with what is to be run, messages with lines meanwhile, one with the result.

import { execute } from "./program.js";

const node = globalThis.process?.versions?.node !== undefined;
const port = node ? (await import("node:worker_threads")).parentPort : globalThis;

function work({ module, args, inputs }) {
  try {
    const result = execute(module, args, inputs, (line) => port.postMessage({ line }));
    port.postMessage({ result }, result.files.map(([, bytes]) => bytes.buffer));
  } catch (error) {
    // The program has no more memory, or a fault.
    port.postMessage({ error: String(error) });
  }
}

if (node) port.once("message", work);
else port.addEventListener("message", (event) => work(event.data), { once: true });
