// What the libraries and the extension module of the demo share.
#pragma once

namespace std {
// The class of libc++ as far as it is needed: types are the same if their names are the same bytes in memory.
class type_info {
 public:
  virtual ~type_info();
  bool operator==(const type_info &other) const { return type_name == other.type_name; }

 protected:
  const char *type_name;
};
}  // namespace std

#define NOINLINE __attribute__((noinline))
#define WEAK __attribute__((weak))

typedef int (*Function)(int);

// Its vtable and typeinfo are in the library, which has the key function.
struct Shape {
  virtual ~Shape();
  virtual int sides() const = 0;
};

// Those of the others are weak, in every module that uses them.
struct Square : Shape {
  int sides() const override { return 4; }
};

template <class T>
struct Box : Shape {
  T width = 7;
  int sides() const override { return 6 + (int)width; }
};

struct Failure {
  int code;
  explicit Failure(int code) : code(code) {}
  virtual ~Failure() {}
};

struct Timeout : Failure {
  explicit Timeout(int code) : Failure(code) {}
};

// A function in both modules, whose address has to be the same.
NOINLINE inline int triple(int x) { return 3 * x; }

// Variables in both modules, of which there has to be one.
extern "C" int twice(int x);
inline int shared_total = 10;
inline int &shared_count() {
  static int count = twice(50);
  return count;
}

// What the library offers.
extern "C" {
Shape *make(int kind);
void destroy(Shape *shape);
void fail(int kind);
int guarded(Function function, int x);
int through_table(int index, int x);
int count_in_library();
int add_in_library(int amount);
Function address_of_twice();
Function address_of_triple();
Function address_of_policy();
int use_policy(int x);
int use_fallback(int x);

// The library's are weak; another library overrides the first.
int policy(int x);
int fallback(int x);
}
