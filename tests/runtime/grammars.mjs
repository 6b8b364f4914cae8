// Loads grammars of tree-sitter side by side: `node grammars.mjs LIBRARY GRAMMAR...`, with the directory of the npm package and the files.
// Prints the name of each and `ok`, or the error.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [library, ...grammars] = process.argv.slice(2);
const { Language, Parser } = await import(pathToFileURL(path.join(library, "web-tree-sitter.js")));
await Parser.init();
const load = async (file) => {
  try {
    await Language.load(fs.readFileSync(file));
    return "ok";
  } catch (error) {
    return String(error);
  }
};
const answers = await Promise.all(grammars.map(load));
grammars.forEach((file, index) => console.log(`${path.basename(file)}: ${answers[index]}`));
