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
// Called straight from compiled code, they make Node 20.20 crash.
const { wasi_snapshot_preview1: calls } = wasi.getImportObject();
const wrapped = Object.entries(calls).map(([name, call]) => [name, (...words) => call(...words)]);
const instance = await WebAssembly.instantiate(await program(), { wasi_snapshot_preview1: Object.fromEntries(wrapped) });
process.exitCode = wasi.start(instance);
