// Calls through try blocks, for `benches/exceptions`: every `run_*` function makes `n` of them and gives a checksum.
#define EXPORT extern "C" __attribute__((visibility("default"), noinline))
#define NEVER_INLINE __attribute__((noinline))

namespace {

struct Failure {
  explicit Failure(int value) : code(value) {}
  virtual ~Failure() {}
  int code;
};

struct Special : Failure {
  using Failure::Failure;
};

// Volatile, so that no optimiser knows what is thrown or when.
volatile int limit = 0x7fffffff;
volatile int released = 0;

struct Guard {
  ~Guard() { released = released + 1; }
};

NEVER_INLINE int may_throw(int i) {
  if (i > limit) throw i;
  return i ^ 1;
}

NEVER_INLINE int guarded(int i) {
  Guard guard;
  return may_throw(i);
}

NEVER_INLINE int nested(int i) {
  Guard outer;
  int sum = may_throw(i);
  Guard inner;
  return sum + may_throw(i + 1);
}

NEVER_INLINE void throw_int(int i) { throw i; }
NEVER_INLINE void throw_class(int i) { throw Special(i); }

NEVER_INLINE void throw_through_guard(int i) {
  Guard guard;
  throw_int(i);
}

}  // namespace

// The same call without a try block: what the calls themselves cost.
EXPORT int run_plain(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) sum += may_throw(i);
  return sum;
}

EXPORT int run_catch_all(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) {
    try {
      sum += may_throw(i);
    } catch (...) {
      sum--;
    }
  }
  return sum;
}

EXPORT int run_catch_class(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) {
    try {
      sum += may_throw(i);
    } catch (const Failure& failure) {
      sum -= failure.code;
    }
  }
  return sum;
}

EXPORT int run_indirect(int n) {
  int (*volatile hidden)(int) = may_throw;
  int sum = 0;
  for (int i = 0; i < n; i++) {
    try {
      sum += hidden(i);
    } catch (...) {
      sum--;
    }
  }
  return sum;
}

EXPORT int run_destructor(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) sum += guarded(i);
  return sum;
}

EXPORT int run_destructors(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) sum += nested(i);
  return sum;
}

EXPORT int run_throw_int(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) {
    try {
      throw_int(i);
    } catch (int value) {
      sum += value;
    }
  }
  return sum;
}

EXPORT int run_throw_class(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) {
    try {
      throw_class(i);
    } catch (const Failure& failure) {
      sum += failure.code;
    }
  }
  return sum;
}

EXPORT int run_throw_cleanup(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) {
    try {
      throw_through_guard(i);
    } catch (int value) {
      sum += value;
    }
  }
  return sum;
}
