// The functions of the package: each is one run of the program, whose JSON they give.

import { inWorker, program } from "./host.js";
import { execute } from "./program.js";

/** Why something failed: with a `code` that `wasm-pyfix explain` knows, and the `report` of the run. */
export class PyfixError extends Error {
  constructor(message, code, exitCode, report) {
    super(message);
    this.name = "PyfixError";
    this.code = code;
    this.exitCode = exitCode;
    this.report = report;
  }
}

/** A name for a file, without directories; the program sees only what is in memory. */
function fileName(name) {
  const base = String(name ?? "").split("/").pop();
  if (base === "" || base === "." || base === "..") throw new TypeError("a file name is needed: { name: \"demo-1.0-….whl\" }");
  return base;
}

function toBytes(data) {
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError("expected the contents of a file as Uint8Array or ArrayBuffer");
}

function targets(target) {
  return [target ?? []].flat().map((name) => `--target=${name}`);
}

async function invoke(args, inputs, options = {}, onLine = () => {}) {
  options.signal?.throwIfAborted();
  if (options.worker === false) return execute(await program(), args, inputs, onLine);
  return inWorker(args, inputs, onLine, options.signal);
}

/** The report of a run; wrong usage has one that is an error alone. */
function reportOf({ exitCode, stdout }, lines = []) {
  let report;
  try {
    report = JSON.parse(stdout);
  } catch {
    throw new PyfixError(lines.join("\n") || `exit code ${exitCode}`, "internal", exitCode, null);
  }
  return report;
}

function fail(report, exitCode) {
  const failure = report.error ?? report.inputs?.find((input) => input.error)?.error;
  throw new PyfixError(failure?.message ?? `exit code ${exitCode}`, failure?.code ?? "error", exitCode, report);
}

export async function upgrade(data, options = {}) {
  const name = fileName(options.name);
  const bytes = toBytes(data);
  const libraries = Object.entries(options.libraries ?? {}).map(([library, of]) => [`libraries/${fileName(library)}`, toBytes(of)]);
  const inputs = [[name, bytes], ...libraries];
  const grafting = libraries.length > 0 ? ["--libdir=/in/libraries"] : [];
  const args = [`/in/${name}`, "-o", "/out/", "--json", "--quiet", "--progress=json", ...targets(options.target), ...grafting];
  const lines = [];
  const result = await invoke([...args, ...(options.options ?? [])], inputs, options, (line) => {
    const progress = line.startsWith("{") ? JSON.parse(line) : undefined;
    if (progress) options.onProgress?.(progress);
    else lines.push(line);
  });
  const report = reportOf(result, lines);
  if (result.exitCode !== 0) fail(report, result.exitCode);
  const files = result.files.map(([file, contents]) => ({ name: file, bytes: contents }));
  // What needs no change is not written a second time.
  if (files.length === 0) files.push({ name: report.inputs[0].file_name ?? name, bytes });
  return { ...files[0], files, changed: report.inputs.some((input) => input.status === "upgraded"), report };
}

export async function check(data, options = {}) {
  const name = fileName(options.name);
  const args = ["check", `/in/${name}`, "--json", ...targets(options.target), ...(options.options ?? [])];
  const result = await invoke(args, [[name, toBytes(data)]], options);
  const report = reportOf(result);
  if (report.error) fail(report, result.exitCode);
  return { ...report, ok: result.exitCode === 0 };
}

export async function show(data, options = {}) {
  const name = fileName(options.name);
  const upgrading = options.target === undefined ? ["--no-upgrade"] : targets(options.target);
  const args = ["show", `/in/${name}`, "--json", ...upgrading, ...(options.options ?? [])];
  const report = reportOf(await invoke(args, [[name, toBytes(data)]], options));
  if (report.error || report.inputs[0].error) fail(report, report.exit_code);
  return report;
}

export async function diff(before, after, options = {}) {
  const names = [fileName(before.name), fileName(after.name)];
  const args = ["diff", `/in/old/${names[0]}`, `/in/new/${names[1]}`, "--json", ...(options.options ?? [])];
  const inputs = [[`old/${names[0]}`, toBytes(before.bytes)], [`new/${names[1]}`, toBytes(after.bytes)]];
  const report = reportOf(await invoke(args, inputs, options));
  if (report.error) fail(report, report.exit_code);
  return report;
}

/** The program's version. */
export async function version(options = {}) {
  const { stdout } = await invoke(["--version"], [], options);
  return stdout.trim().split(" ").pop();
}
