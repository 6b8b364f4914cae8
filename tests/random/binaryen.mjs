// Optimises modules with Binaryen: node binaryen.mjs BINARYEN DIRECTORY PASS,PASS... rewrites every .so file in the directory.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [library, directory, passes] = process.argv.slice(2);
const { default: binaryen } = await import(pathToFileURL(library));
// What upgraded modules may use is all that these may use, or else they would not run on the oldest runtime.
const { MVP, BulkMemory, MutableGlobals, NontrappingFPToInt, SignExt, Multivalue, ReferenceTypes, SIMD128 } = binaryen.Features;
const features = MVP | BulkMemory | MutableGlobals | NontrappingFPToInt | SignExt | Multivalue | ReferenceTypes | SIMD128;

for (const name of fs.readdirSync(directory).filter((name) => name.endsWith('.so'))) {
  const file = path.join(directory, name);
  const module = binaryen.readBinary(fs.readFileSync(file));
  module.setFeatures(features);
  for (const pass of passes.split(',')) {
    const level = /^O([0-3sz])$/.exec(pass)?.[1];
    if (level === undefined) {
      module.runPasses([pass]);
      continue;
    }
    binaryen.setOptimizeLevel(level in [0, 1, 2, 3] ? Number(level) : 2);
    binaryen.setShrinkLevel(level === 'z' ? 2 : level === 's' ? 1 : 0);
    module.optimize();
  }
  if (!module.validate()) throw new Error(`${name} is not valid after ${passes}`);
  fs.writeFileSync(file, module.emitBinary());
  module.dispose();
}
