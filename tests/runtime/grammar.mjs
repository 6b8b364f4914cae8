// Parses a text with web-tree-sitter: `node grammar.mjs LIBRARY GRAMMAR TEXT`, with the directory of the npm package and the file of a
// grammar. Prints `ok` or `with errors` and the syntax tree, or `failed: ` and the error.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [library, grammar, text] = process.argv.slice(2);
const { Language, Parser } = await import(pathToFileURL(path.join(library, "web-tree-sitter.js")));
try {
  await Parser.init();
  const language = await Language.load(fs.readFileSync(grammar));
  const parser = new Parser();
  parser.setLanguage(language);
  const root = parser.parse(text).rootNode;
  console.log(root.hasError ? "with errors" : "ok", root.toString());
} catch (error) {
  console.log("failed:", error.stack ?? error);
}
