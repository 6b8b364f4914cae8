// A library: classes, exceptions, statics, function pointers and weak functions that other modules share, and some that nobody uses.
#include "shapes.h"

Shape::~Shape() {}

namespace {
struct Triangle : Shape {
  int sides() const override { return 3; }
};

NOINLINE int local(int x) { return x - 1; }
}  // namespace

// Names that nothing imports. This one is looked up by whoever reads it in the data, and another one by Python.
extern "C" const char *const name_in_data = "found_through_data";

extern "C" {
int found_through_data() { return 5; }
int found_through_python() { return 6; }
NOINLINE int only_for_unused(int x) { return x * 31 + 17; }
int unused(int x) { return only_for_unused(x) ^ only_for_unused(x + 1); }

int twice(int x) { return 2 * x; }
WEAK int policy(int x) { return x + 1; }
WEAK int fallback(int x) { return x + 2; }

Shape *make(int kind) {
  switch (kind) {
    case 0: return new Triangle;
    case 1: return new Square;
    default: return new Box<int>;
  }
}

void destroy(Shape *shape) { delete shape; }

void fail(int kind) {
  switch (kind) {
    case 0: throw Failure(11);
    case 1: throw Timeout(12);
    case 2: throw 13;
    default: throw Box<int>();
  }
}

int guarded(Function function, int x) {
  try {
    return function(x);
  } catch (Timeout &timeout) {
    return -timeout.code;
  } catch (Failure &failure) {
    return -1000 - failure.code;
  }
}

Function table[] = {twice, triple, policy, local};
int through_table(int index, int x) { return table[index](x); }

int count_in_library() { return ++shared_count(); }
int add_in_library(int amount) { return shared_total += amount; }
Function address_of_twice() { return twice; }
Function address_of_triple() { return triple; }
Function address_of_policy() { return policy; }
int use_policy(int x) { return policy(x); }
int use_fallback(int x) { return fallback(x); }
}
