// Unpacks the side modules of an npm package `@pyodide/pyodide` of 2021: `node unpack.mjs DIST OUT`.
//
// Each Python package there is a .data file, in chunks of 2048 bytes that are compressed as LZ4 blocks, and a .js file with the names of
// the files, their places and the sizes of the chunks (Emscripten's file packager with --lz4). OUT gets one directory for each package.

import fs from "node:fs";
import path from "node:path";

const CHUNK = 2048;
const [dist, out] = process.argv.slice(2);

/// The value of `name:[…]` in the JavaScript `text`.
function list(text, name) {
  return JSON.parse(text.match(new RegExp(`"?${name}"?:(\\[[0-9,e]*\\])`))[1]);
}

/// One LZ4 block (lz4_Block_format.md).
function decompress(block) {
  const bytes = [];
  let at = 0;
  const length = (nibble) => {
    let total = nibble;
    if (nibble === 15) {
      let more;
      do total += more = block[at++];
      while (more === 255);
    }
    return total;
  };
  while (at < block.length) {
    const token = block[at++];
    const literals = length(token >> 4);
    for (let index = 0; index < literals; index++) bytes.push(block[at++]);
    if (at >= block.length) break;
    const offset = block[at++] | (block[at++] << 8);
    const match = length(token & 15) + 4;
    for (let index = 0; index < match; index++) bytes.push(bytes[bytes.length - offset]);
  }
  return Buffer.from(bytes);
}

let modules = 0;
for (const data of fs.readdirSync(dist).filter((name) => name.endsWith(".data"))) {
  const name = data.slice(0, -".data".length);
  const text = fs.readFileSync(path.join(dist, `${name}.js`), "utf8");
  const files = [...text.matchAll(/"?filename"?:\s*"([^"]+)",\s*"?start"?:\s*([\de]+),\s*"?end"?:\s*([\de]+)/g)];
  if (!/"?successes"?:/.test(text)) {
    console.error(`${name}: not compressed, skipped`);
    continue;
  }
  const [offsets, sizes, successes] = ["offsets", "sizes", "successes"].map((member) => list(text, member));
  const bytes = fs.readFileSync(path.join(dist, data));
  const chunk = (index) => {
    const stored = bytes.subarray(offsets[index], offsets[index] + sizes[index]);
    return successes[index] ? decompress(stored) : stored;
  };
  for (const [, file, start, end] of files) {
    if (!file.endsWith(".so")) continue;
    const chunks = [];
    for (let index = Math.floor(start / CHUNK); index * CHUNK < end; index++) chunks.push(chunk(index));
    const offset = start % CHUNK;
    const contents = Buffer.concat(chunks).subarray(offset, offset + (end - start));
    const target = path.join(out, name, file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, contents);
    modules += 1;
  }
}
console.log(modules);
