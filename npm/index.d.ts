/** What is being done with an input. */
export interface Progress {
  input: string;
  phase: "upgrading" | "shrinking" | "compressing" | "checking";
  /** How many modules there are. */
  modules: number;
  /** How many of them this phase is done with. */
  done: number;
  /** How many times the passes have gone over them. */
  round: number;
}

export interface CallOptions {
  /** More words of the command line. Paths in them mean nothing: the program sees only what it is given. */
  options?: readonly string[];
  /** `false` runs it in this thread, which waits for it; else it runs in a worker. */
  worker?: boolean;
  /** Ends the worker. */
  signal?: AbortSignal;
}

export interface NamedOptions extends CallOptions {
  /** What the file is called; for a wheel, its name says what it is for. */
  name: string;
  /** What `--target` takes: a platform, a release of Pyodide, or `auto`. */
  target?: string;
}

export interface UpgradeOptions extends Omit<NamedOptions, "target"> {
  target?: string | readonly string[];
  /** Libraries that may be grafted into a wheel, by their file names. */
  libraries?: Readonly<Record<string, Uint8Array | ArrayBuffer>>;
  onProgress?: (progress: Progress) => void;
}

export interface Failure {
  code: string;
  message: string;
  offset: number | null;
}

export interface Notice {
  code: string;
  severity: "warning" | "note";
  message: string;
}

/** What became of one input for one target; all members are in docs/report.md. */
export interface Input {
  input: string;
  targets: string[];
  kind: "module" | "wheel" | "archive" | null;
  status: "upgraded" | "unchanged" | "refused" | "error";
  file_name: string | null;
  size_before: number | null;
  size_after: number | null;
  sha256: string | null;
  notices: Notice[];
  modules: Record<string, unknown>[];
  error: Failure | null;
}

export interface Report {
  schema_version: number;
  tool: { name: string; version: string };
  target: string;
  targets: string[];
  exit_code: number;
  inputs: Input[];
  notices: Notice[];
  error: Failure | null;
  [member: string]: unknown;
}

export interface Result {
  name: string;
  bytes: Uint8Array;
}

export interface Upgraded extends Result {
  /** All results: with several targets there may be several. The first is `name` and `bytes`. */
  files: Result[];
  /** Whether the result is another file than the input. */
  changed: boolean;
  report: Report;
}

/** What `check --json` prints; all members are in docs/check.md. */
export interface CheckReport {
  schema_version: number;
  /** Whether nothing was found that fails. */
  ok: boolean;
  exit_code: number;
  [member: string]: unknown;
}

/** Thrown where the program's exit code is not 0. */
export class PyfixError extends Error {
  code: string;
  exitCode: number;
  report: Report | null;
}

/** Upgrades the contents of a wheel, a module or an archive of libraries. */
export function upgrade(data: Uint8Array | ArrayBuffer, options: UpgradeOptions): Promise<Upgraded>;

/** What would not load, and why. What was found is no error. */
export function check(data: Uint8Array | ArrayBuffer, options: NamedOptions): Promise<CheckReport>;

/** What is in a file, and with a `target`, what `upgrade` would do for it; all members are in docs/show.md. */
export function show(data: Uint8Array | ArrayBuffer, options: NamedOptions): Promise<Record<string, unknown>>;

/** What differs between two files; all members are in docs/diff.md. */
export function diff(
  before: { name: string; bytes: Uint8Array | ArrayBuffer },
  after: { name: string; bytes: Uint8Array | ArrayBuffer },
  options?: CallOptions,
): Promise<Record<string, unknown>>;

/** The version of the program. */
export function version(options?: CallOptions): Promise<string>;
