// An extension module that uses the libraries; its function `run` returns what it saw. Python's structures are declared here, as the
// limited API lays them out, so that no headers are needed.
#include "shapes.h"

extern "C" {
struct Object;
struct Method {
  const char *name;
  Object *(*function)(Object *, Object *);
  int flags;
  const char *doc;
};
struct ModuleDefinition {
  int base[5];
  const char *name, *doc;
  int size;
  Method *methods;
  void *slots, *traverse, *clear, *free;
};
Object *PyModule_Create2(ModuleDefinition *definition, int version);
Object *PyUnicode_FromString(const char *text);
}

static char text[1024];
static int length;

static void put(char letter) { text[length++] = letter; }
static void say(const char *what, int value) {
  while (*what) put(*what++);
  put(' ');
  if (value < 0) put('-');
  unsigned rest = value < 0 ? -value : value, divisor = 1;
  while (rest / divisor > 9) divisor *= 10;
  for (; divisor; divisor /= 10) put('0' + rest / divisor % 10);
  put('\n');
}

// Through a pointer that the compiler cannot see through.
static void (*volatile failing)(int) = fail;

static int caught(int kind) {
  try {
    failing(kind);
  } catch (Timeout &timeout) {
    return 100 + timeout.code;
  } catch (Failure &failure) {
    return 200 + failure.code;
  } catch (int value) {
    return 300 + value;
  } catch (Shape &shape) {
    return 400 + shape.sides();
  } catch (...) {
    return -1;
  }
  return 0;
}

static int thrower(int x) {
  if (x == 1) throw Timeout(21);
  if (x == 2) throw Failure(22);
  return x;
}

// Mangled exports that nobody uses.
NOINLINE int only_for_mangled(int x) { return x * 13; }
int mangled(int x) { return only_for_mangled(x) + 1; }

// Exported and in a vtable and a table at once.
struct Own : Shape {
  int sides() const override;
};
int Own::sides() const { return 9; }
int own(int x) { return x + 40; }
Function own_table[] = {own, triple, twice, policy};

static void run() {
  length = 0;
  for (int kind = 0; kind < 4; kind++) say("caught", caught(kind));
  for (int kind = 0; kind < 3; kind++) say("guarded", guarded(thrower, kind));
  for (int kind = 0; kind < 3; kind++) {
    Shape *shape = make(kind);
    say("sides", shape->sides());
    say("square", dynamic_cast<Square *>(shape) != nullptr);
    say("box", dynamic_cast<Box<int> *>(shape) != nullptr);
    say("exactly square", typeid(*shape) == typeid(Square));
    say("exactly box", typeid(*shape) == typeid(Box<int>));
    destroy(shape);
  }
  Shape *mine = new Own;
  say("own", mine->sides());
  destroy(mine);
  say("count", ++shared_count());
  say("count", count_in_library());
  say("count", ++shared_count());
  say("total", shared_total += 5);
  say("total", add_in_library(7));
  say("total", shared_total);
  say("twice", address_of_twice() == twice);
  say("triple", address_of_triple() == triple);
  say("policy", address_of_policy() == policy);
  for (int index = 0; index < 4; index++) say("table", through_table(index, 8));
  for (Function function : own_table) say("own table", function(5));
  say("use policy", use_policy(3));
  say("use fallback", use_fallback(3));
  put(0);
}

static Object *call(Object *, Object *) {
  run();
  return PyUnicode_FromString(text);
}

static Method methods[] = {{"run", call, 4, nullptr}, {}};
// A module definition starts with one reference to it.
static ModuleDefinition definition = {{1}, "user", nullptr, -1, methods};

extern "C" Object *PyInit_user() { return PyModule_Create2(&definition, 3); }
