// Runs modules with random handlers of exceptions: node programs.mjs RUNS. Standard input: a JSON list of lists of files, the forms of a program.
// Standard output: a JSON list of the answers of each program: what its entries `run…` did with 0, 1, … in the original, or every form with its answer
// where they are not all the same.
import fs from 'node:fs';

const runs = Number(process.argv[2]);
const tag = new WebAssembly.Tag({ parameters: ['i32'] });

// What JavaScript throws, or passes.
function foreign(number, log) {
  log(number);
  switch (number) {
    case 1: throw new Error(`error ${number}`);
    case 2: throw 'text';
    case 3: throw undefined;
    case 4: throw new WebAssembly.Exception(tag, [77]);
    default: return number + 1;
  }
}

function thrown(error, tags) {
  if (error instanceof WebAssembly.Exception) {
    const name = Object.keys(tags).find((name) => error.is(tags[name][0]));
    return `${name} ${tags[name][1].map((_, index) => error.getArg(tags[name][0], index)).join(' ')}`;
  }
  return error instanceof WebAssembly.RuntimeError ? 'trap' : `${error}`;
}

function answer(file) {
  const module = new WebAssembly.Module(fs.readFileSync(file));
  const lines = [];
  let events = [];
  const log = (number) => { events.push(number); };
  const env = { log, foreign: (number) => foreign(number, log), __cpp_exception: tag };
  const { exports } = new WebAssembly.Instance(module, { env });
  const tags = { a: [exports.a, []], b: [tag, [0]], c: [exports.c, [0, 0]] };
  const entries = Object.keys(exports).filter((name) => name.startsWith('run'));
  for (let number = 0; number < runs * entries.length; number++) {
    const entry = entries[number % entries.length];
    events = [entry];
    let came;
    try {
      came = `${exports[entry](Math.floor(number / entries.length))}`;
    } catch (error) {
      came = thrown(error, tags);
    }
    lines.push(`${events.join(' ')} => ${came}`);
  }
  return lines.join('\n');
}

function safely(file) {
  try {
    return answer(file);
  } catch (error) {
    return `${error}`;
  }
}

const programs = JSON.parse(fs.readFileSync(0, 'utf8'));
const results = programs.map((files) => {
  const answers = files.map(safely);
  return answers.every((other) => other === answers[0]) ? [answers[0]] : answers;
});
fs.writeSync(1, JSON.stringify(results));
