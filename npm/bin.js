#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
// The command line, over the files of this machine. Node's own WASI reads and writes them.

import { WASI } from "node:wasi";
import { program } from "./host.js";

const wasi = new WASI({
  version: "preview1",
  args: ["wasm-pyfix", ...process.argv.slice(2)],
  env: { ...process.env, PWD: process.cwd() },
  preopens: { "/": "/" },
  returnOnExit: true,
});
const instance = await WebAssembly.instantiate(await program(), wasi.getImportObject());
process.exitCode = wasi.start(instance);
