// Instantiates modules as a loader would, lets them relocate their data, and compares the memory of each pair.
//
// Standard input: one JSON object {"pairs": [{"name", "before", "after", "globals", "tags"}, ...]}
//   before, after   paths of two modules that must do the same
//   globals         {"module.field": [type, mutable], ...}, for the imported globals of both
//   tags            {"module.field": [type, ...], ...}, for the imported tags of both
//   stores          how many words the second one still stores
//
// Standard output: one line for each difference; nothing when there is none.
//
// Every global offset table entry has a value of its own. Beyond the memory that the loader gives to a module, nothing may change;
// a second call must change nothing, and give words that were written since their value again only where they keep their stores; nor may the first one of a new instance, when the memory of a running program was restored.
import fs from 'node:fs';

const PAGE = 65536;
// Multiples of every alignment that occurs, so that both modules of a pair begin at the same place.
const MEMORY_BASE = 0x30000;
const TABLE_BASE = 7777;
const FILLER = 0xaa;

function memoryInfo(module) {
  const bytes = new Uint8Array(WebAssembly.Module.customSections(module, 'dylink.0')[0]);
  let at = 0;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      value |= (bytes[at] & 0x7f) << shift;
      if (bytes[at++] < 0x80) return value >>> 0;
    }
  };
  // MEM_INFO comes first: its type, its length, then the numbers.
  at = 1;
  number();
  const [memorySize, , tableSize] = [number(), number(), number()];
  return { memorySize, tableSize };
}

function instantiate(path, { globals, tags }) {
  const module = new WebAssembly.Module(fs.readFileSync(path));
  const { memorySize, tableSize } = memoryInfo(module);
  const memory = new WebAssembly.Memory({ initial: Math.ceil((MEMORY_BASE + memorySize) / PAGE) + 4 });
  const bytes = new Uint8Array(memory.buffer);
  bytes.fill(FILLER);
  bytes.fill(0, MEMORY_BASE, MEMORY_BASE + memorySize);
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: TABLE_BASE + tableSize });
  const imports = {};
  // A value depends on the name alone, for the order of imports differs.
  const value = (name) => [...name].reduce((hash, letter) => (Math.imul(hash, 31) + letter.codePointAt(0)) | 0, 7);
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    const full = `${from}.${name}`;
    const make = {
      function: () => () => 0,
      memory: () => memory,
      table: () => table,
      tag: () => new WebAssembly.Tag({ parameters: tags[full] }),
      global: () => {
        const [type, mutable] = globals[full];
        const known = { 'env.__memory_base': MEMORY_BASE, 'env.__table_base': TABLE_BASE };
        const number = known[full] ?? value(full);
        return new WebAssembly.Global({ value: type, mutable }, type === 'i64' ? BigInt(number) : number);
      },
    }[kind];
    (imports[from] ??= {})[name] ??= make();
  }
  const instance = () => new WebAssembly.Instance(module, imports).exports.__wasm_apply_data_relocs;
  return { bytes, memorySize, relocate: instance(), instance };
}

function same(a, b, from = 0, to = a.length) {
  return Buffer.compare(a.subarray(from, to), b.subarray(from, to)) === 0;
}

function* differences(pair) {
  const before = instantiate(pair.before, pair);
  const after = instantiate(pair.after, pair);
  const untouched = Buffer.from(before.bytes);
  before.relocate();
  after.relocate();
  const end = MEMORY_BASE + before.memorySize;
  if (same(untouched, before.bytes)) yield 'nothing is relocated';
  if (!same(before.bytes, after.bytes, MEMORY_BASE, end)) yield 'the relocated data differs';
  const outside = (part) => part.every((byte) => byte === FILLER);
  if (!outside(after.bytes.subarray(0, MEMORY_BASE))) yield 'something in front of the module changed';
  if (!outside(after.bytes.subarray(MEMORY_BASE + after.memorySize))) yield 'something behind the module changed';
  const done = Buffer.from(after.bytes);
  after.relocate();
  if (!same(done, after.bytes)) yield 'a second call changes memory';
  const written = 0x55;
  for (const { bytes, relocate } of [before, after]) {
    bytes.fill(written, MEMORY_BASE, end);
    relocate();
  }
  const [stored, kept] = [before, after].map(({ bytes }) => bytes.subarray(MEMORY_BASE, end));
  const changed = [...kept.keys()].filter((at) => kept[at] !== written);
  if (changed.some((at) => kept[at] !== stored[at])) yield 'a second call stores something else';
  if (changed.length > 4 * pair.stores || (changed.length === 0 && pair.stores > 0)) yield 'a second call relocates words again';
  const again = after.instance();
  after.bytes.set(done);
  again();
  if (!same(done, after.bytes)) yield 'restored memory is relocated again';
}

const { pairs } = JSON.parse(fs.readFileSync(0, 'utf8'));
for (const pair of pairs) {
  for (const difference of differences(pair)) console.log(`${pair.name}: ${difference}`);
}
