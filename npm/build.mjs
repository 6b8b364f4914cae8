// node npm/build.mjs
// Compiles the program for WebAssembly and puts it here, with the licences: what else `npm pack` needs. Prints its sizes.
//
// Wants `rustup target add wasm32-wasip1` and a C compiler for that system: `CC_wasm32_wasip1` and `AR_wasm32_wasip1` name those of the WASI SDK, or
// zig (`pip install ziglang`) is found. `CARGO` and `RUSTC` choose another toolchain, as everywhere.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

const own = path.dirname(fileURLToPath(import.meta.url));
const repository = path.dirname(own);
const scripts = mkdtempSync(path.join(tmpdir(), "wasm-pyfix-"));

/** A script that calls zig as a C compiler would be called, without the name of the system, which zig spells in another way. */
function zig(name, call) {
  const script = path.join(scripts, name);
  writeFileSync(script, `#!/bin/bash\nwords=(); for word in "$@"; do [[ $word == --target=* ]] || words+=("$word"); done\nexec python3 -m ziglang ${call} "\${words[@]}"\n`);
  chmodSync(script, 0o755);
  return script;
}

/** A module without its custom sections: names, which are a fifth of it, and who made it. */
function stripped(bytes) {
  const kept = [bytes.subarray(0, 8)];
  for (let at = 8; at < bytes.length; ) {
    const start = at;
    const id = bytes[at++];
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      size += (bytes[at] & 127) * 2 ** shift;
      more = bytes[at++] > 127;
    }
    at += size;
    if (id !== 0) kept.push(bytes.subarray(start, at));
  }
  return Buffer.concat(kept);
}

const env = { ...process.env };
env.CC_wasm32_wasip1 ??= zig("cc", "cc -target wasm32-wasi -fno-sanitize=undefined");
env.AR_wasm32_wasip1 ??= zig("ar", "ar");
try {
  const words = ["build", "--bin", "wasm-pyfix", "--profile", "wasm", "--target", "wasm32-wasip1", "--locked"];
  execFileSync(env.CARGO ?? "cargo", words, { cwd: repository, env, stdio: "inherit" });
} finally {
  rmSync(scripts, { recursive: true });
}
const target = path.resolve(repository, env.CARGO_TARGET_DIR ?? "target");
const wasm = path.join(own, "wasm-pyfix.wasm");
const bytes = stripped(readFileSync(path.join(target, "wasm32-wasip1/wasm/wasm-pyfix.wasm")));
writeFileSync(wasm, bytes);
for (const name of ["LICENSE", "LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(path.join(repository, name), path.join(own, name));

const params = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
console.log(`${wasm}: ${bytes.length} bytes, ${brotliCompressSync(bytes, { params }).length} by brotli`);
