// A file system in memory and the part of WASI (preview 1) that programs of Rust call, over it.
//
// The program is a command: it is started with words, finds its inputs below `/in`, leaves its results below `/out`, and ends with an exit
// code. Nothing outside of this object is read or written, so that it behaves alike in a page, in a worker and in Node. Numbers of errors, rights and
// offsets of structures are those of the interface `wasi_snapshot_preview1`. What nobody needs (links, sockets, waiting) fails as
// unsupported.

const OK = 0;
const BADF = 8;
const EXIST = 20;
const INVAL = 28;
const ISDIR = 31;
const NOENT = 44;
const NOTDIR = 54;
const NOTEMPTY = 55;
const NOTSUP = 58;
const SPIPE = 70;

const DEVICE = 2;
const DIRECTORY = 3;
const REGULAR = 4;

/** How a program ends itself. */
class Exit extends Error {
  constructor(code) {
    super(`exit code ${code}`);
    this.code = code;
  }
}

/** A file; what is behind `size` is room to grow. */
class File {
  constructor(bytes = new Uint8Array()) {
    this.bytes = bytes;
    this.size = bytes.length;
    this.id = BigInt(++File.last);
  }

  static last = 0;

  resize(size) {
    if (size > this.bytes.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.bytes.length));
      grown.set(this.bytes.subarray(0, this.size));
      this.bytes = grown;
    }
    // What was cut off does not come back.
    if (size < this.size) this.bytes = this.bytes.slice(0, size);
    this.size = size;
  }

  contents() {
    return this.bytes.slice(0, this.size);
  }
}

class Directory {
  constructor() {
    this.entries = new Map();
    this.id = BigInt(++File.last);
  }
}

/** Files by their paths, which begin with a slash. */
export class Files {
  constructor() {
    this.root = new Directory();
  }

  /** The directory that `path` is in, its own name, and what is there; or the number of an error. */
  find(path, from = this.root) {
    const names = [];
    for (const name of path.split("/")) {
      if (name === "..") names.pop();
      else if (name !== "" && name !== ".") names.push(name);
    }
    if (path.startsWith("/")) from = this.root;
    const name = names.pop();
    let parent = from;
    for (const above of names) {
      parent = parent.entries.get(above);
      if (parent === undefined) return { error: NOENT };
      if (!(parent instanceof Directory)) return { error: NOTDIR };
    }
    return { error: OK, parent, name, node: name === undefined ? from : parent.entries.get(name) };
  }

  /** Puts a file at `path`, with the directories above it. */
  write(path, bytes) {
    let directory = this.root;
    const names = path.split("/").filter((name) => name !== "");
    for (const name of names.slice(0, -1)) {
      if (!directory.entries.has(name)) directory.entries.set(name, new Directory());
      directory = directory.entries.get(name);
    }
    directory.entries.set(names.at(-1), new File(bytes));
  }

  /** All files below `path`, by their paths from there. */
  read(path) {
    const found = [];
    const walk = (directory, below) => {
      for (const [name, node] of directory.entries) {
        if (node instanceof Directory) walk(node, `${below}${name}/`);
        else found.push([below + name, node.contents()]);
      }
    };
    const { node } = this.find(path);
    if (node instanceof Directory) walk(node, "");
    return found;
  }
}

/** What is written to a stream, as lines. */
class Lines {
  constructor(sink) {
    this.sink = sink;
    this.decoder = new TextDecoder();
    this.rest = "";
  }

  write(bytes) {
    const lines = (this.rest + this.decoder.decode(bytes, { stream: true })).split("\n");
    this.rest = lines.pop();
    lines.forEach((line) => this.sink(line));
  }

  end() {
    if (this.rest !== "") this.sink(this.rest);
  }
}

/**
 * Starts the program `module` with the words `args` over `files`; `onLine` gets each line of standard error.
 * Returns its exit code and what it wrote to standard output.
 */
export function run(module, args, files, onLine = () => {}) {
  const encoder = new TextEncoder();
  const output = new File();
  const errors = new Lines(onLine);
  const write = (file, bytes, at) => {
    if (at + bytes.length > file.size) file.resize(at + bytes.length);
    file.bytes.set(bytes, at);
  };
  const streams = [
    { type: DEVICE },
    { type: DEVICE, write: (bytes) => write(output, bytes, output.size) },
    { type: DEVICE, write: (bytes) => errors.write(bytes) },
  ];
  const open = new Map(streams.entries());
  open.set(3, { type: DIRECTORY, node: files.root, root: true });
  let next = 4;
  let memory;

  const view = () => new DataView(memory.buffer);
  const bytes = (at, length) => new Uint8Array(memory.buffer, at, length);
  const text = (at, length) => new TextDecoder().decode(bytes(at, length).slice());
  const u32 = (at, value) => view().setUint32(at, value, true);
  const u64 = (at, value) => view().setBigUint64(at, BigInt(value), true);

  const words = [args, []].map((list) => list.map((word) => encoder.encode(`${word}\0`)));
  const sizes = (list, count, length) => {
    u32(count, list.length);
    u32(length, list.reduce((sum, word) => sum + word.length, 0));
    return OK;
  };
  const list = (of, pointers, at) => {
    for (const word of of) {
      u32(pointers, at);
      bytes(at, word.length).set(word);
      pointers += 4;
      at += word.length;
    }
    return OK;
  };

  const typeOf = (node) => (node instanceof Directory ? DIRECTORY : REGULAR);
  const stat = (at, node) => {
    bytes(at, 64).fill(0);
    u64(at + 8, node?.id ?? 0);
    view().setUint8(at + 16, node === undefined ? DEVICE : typeOf(node));
    u64(at + 24, 1);
    u64(at + 32, node?.size ?? 0);
    return OK;
  };
  /** What `path` names, from the directory that is open as `fd`. */
  const at = (fd, path, length) => {
    const from = open.get(fd)?.node;
    return from instanceof Directory ? files.find(text(path, length), from) : { error: BADF };
  };
  const existing = (fd, path, length, then) => {
    const found = at(fd, path, length);
    if (found.error !== OK) return found.error;
    return found.node === undefined ? NOENT : then(found);
  };
  const regular = (fd, then) => {
    const entry = open.get(fd);
    if (entry === undefined) return BADF;
    return entry.node instanceof File ? then(entry, entry.node) : entry.node === undefined ? SPIPE : ISDIR;
  };
  /** Calls `each` with every piece of memory of a list of pieces, until one is not done whole. */
  const pieces = (list, count, total, each) => {
    let sum = 0;
    for (let index = 0; index < count; index += 1) {
      const start = view().getUint32(list + 8 * index, true);
      const length = view().getUint32(list + 8 * index + 4, true);
      const done = each(bytes(start, length));
      sum += done;
      if (done < length) break;
    }
    u32(total, sum);
    return OK;
  };
  const readAt = (file, place, into) => {
    const part = file.bytes.subarray(Math.min(place, file.size), Math.min(place + into.length, file.size));
    into.set(part);
    return part.length;
  };

  const calls = {
    args_sizes_get: (count, length) => sizes(words[0], count, length),
    args_get: (pointers, at) => list(words[0], pointers, at),
    environ_sizes_get: (count, length) => sizes(words[1], count, length),
    environ_get: (pointers, at) => list(words[1], pointers, at),
    clock_time_get: (_clock, _precision, at) => {
      u64(at, BigInt(Math.round(Date.now() * 1e6)));
      return OK;
    },
    clock_res_get: (_clock, at) => {
      u64(at, 1000000);
      return OK;
    },
    random_get: (at, length) => {
      // At most 65536 bytes are given at once.
      for (let done = 0; done < length; done += 65536) crypto.getRandomValues(bytes(at + done, Math.min(65536, length - done)));
      return OK;
    },
    sched_yield: () => OK,
    proc_exit: (code) => {
      throw new Exit(code);
    },
    fd_prestat_get: (fd, at) => {
      if (!open.get(fd)?.root) return BADF;
      view().setUint8(at, 0);
      u32(at + 4, 1);
      return OK;
    },
    fd_prestat_dir_name: (_fd, at) => {
      bytes(at, 1).set([0x2f]);
      return OK;
    },
    fd_fdstat_get: (fd, at) => {
      const entry = open.get(fd);
      if (entry === undefined) return BADF;
      bytes(at, 24).fill(0);
      view().setUint8(at, entry.type);
      view().setUint16(at + 2, entry.append ? 1 : 0, true);
      u64(at + 8, 0x1fffffffn);
      u64(at + 16, 0x1fffffffn);
      return OK;
    },
    fd_fdstat_set_flags: () => OK,
    fd_filestat_get: (fd, at) => (open.has(fd) ? stat(at, open.get(fd).node) : BADF),
    fd_filestat_set_size: (fd, size) =>
      regular(fd, (_, file) => {
        file.resize(Number(size));
        return OK;
      }),
    fd_filestat_set_times: () => OK,
    fd_sync: () => OK,
    fd_close: (fd) => (open.delete(fd) ? OK : BADF),
    fd_read: (fd, list, count, total) => {
      if (fd === 0) return pieces(list, 0, total);
      return regular(fd, (entry, file) =>
        pieces(list, count, total, (into) => {
          const done = readAt(file, entry.place, into);
          entry.place += done;
          return done;
        }),
      );
    },
    fd_pread: (fd, list, count, place, total) =>
      regular(fd, (_, file) => {
        let from = Number(place);
        return pieces(list, count, total, (into) => {
          const done = readAt(file, from, into);
          from += done;
          return done;
        });
      }),
    fd_write: (fd, list, count, total) => {
      const entry = open.get(fd);
      const put = (part) => {
        if (entry.write) {
          entry.write(part.slice());
        } else {
          if (entry.append) entry.place = entry.node.size;
          write(entry.node, part, entry.place);
          entry.place += part.length;
        }
        return part.length;
      };
      if (entry === undefined || !(entry.write || entry.node instanceof File)) return BADF;
      return pieces(list, count, total, put);
    },
    fd_seek: (fd, offset, whence, at) =>
      regular(fd, (entry, file) => {
        const from = [0, entry.place, file.size][whence];
        const place = from + Number(offset);
        if (!(place >= 0)) return INVAL;
        entry.place = place;
        u64(at, place);
        return OK;
      }),
    fd_tell: (fd, at) =>
      regular(fd, (entry) => {
        u64(at, entry.place);
        return OK;
      }),
    fd_readdir: (fd, buffer, length, cookie, used) => {
      const entry = open.get(fd);
      if (!(entry?.node instanceof Directory)) return BADF;
      // What is added or removed meanwhile does not move the others.
      entry.listed = cookie === 0n ? [...entry.node.entries] : (entry.listed ?? [...entry.node.entries]);
      let done = 0;
      for (let index = Number(cookie); index < entry.listed.length && done < length; index += 1) {
        const [name, node] = entry.listed[index];
        const encoded = encoder.encode(name);
        const record = new Uint8Array(24 + encoded.length);
        const fields = new DataView(record.buffer);
        fields.setBigUint64(0, BigInt(index + 1), true);
        fields.setBigUint64(8, node.id, true);
        fields.setUint32(16, encoded.length, true);
        fields.setUint8(20, typeOf(node));
        record.set(encoded, 24);
        const part = record.subarray(0, length - done);
        bytes(buffer + done, part.length).set(part);
        done += part.length;
      }
      u32(used, done);
      return OK;
    },
    path_open: (fd, _follow, path, length, how, _rights, _inherited, flags, at_) => {
      const found = at(fd, path, length);
      if (found.error !== OK) return found.error;
      let { node } = found;
      const [create, directory, exclusive, truncate] = [1, 2, 4, 8].map((bit) => (how & bit) !== 0);
      if (node !== undefined && create && exclusive) return EXIST;
      if (node === undefined) {
        if (!create) return NOENT;
        node = new File();
        found.parent.entries.set(found.name, node);
      }
      if (directory && !(node instanceof Directory)) return NOTDIR;
      if (truncate && node instanceof File) node.resize(0);
      open.set(next, { type: typeOf(node), node, place: 0, append: (flags & 1) !== 0 });
      u32(at_, next);
      next += 1;
      return OK;
    },
    path_filestat_get: (fd, _follow, path, length, at) => existing(fd, path, length, ({ node }) => stat(at, node)),
    path_filestat_set_times: (fd, _follow, path, length) => existing(fd, path, length, () => OK),
    path_create_directory: (fd, path, length) => {
      const found = at(fd, path, length);
      if (found.error !== OK) return found.error;
      if (found.node !== undefined) return EXIST;
      found.parent.entries.set(found.name, new Directory());
      return OK;
    },
    path_remove_directory: (fd, path, length) =>
      existing(fd, path, length, ({ parent, name, node }) => {
        if (!(node instanceof Directory)) return NOTDIR;
        if (node.entries.size > 0 || name === undefined) return NOTEMPTY;
        parent.entries.delete(name);
        return OK;
      }),
    path_unlink_file: (fd, path, length) =>
      existing(fd, path, length, ({ parent, name, node }) => {
        if (node instanceof Directory) return ISDIR;
        parent.entries.delete(name);
        return OK;
      }),
    path_rename: (fd, path, length, newFd, newPath, newLength) =>
      existing(fd, path, length, (old) => {
        const to = at(newFd, newPath, newLength);
        if (to.error !== OK) return to.error;
        if (to.node instanceof Directory && to.node.entries.size > 0) return NOTEMPTY;
        old.parent.entries.delete(old.name);
        to.parent.entries.set(to.name, old.node);
        return OK;
      }),
    // There are no links.
    path_readlink: (fd, path, length) => existing(fd, path, length, () => INVAL),
  };
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = calls[name] ?? (() => NOTSUP);
  }
  const instance = new WebAssembly.Instance(module, imports);
  memory = instance.exports.memory;
  let exitCode = 0;
  try {
    instance.exports._start();
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    exitCode = error.code;
  }
  errors.end();
  return { exitCode, stdout: new TextDecoder().decode(output.contents()) };
}
