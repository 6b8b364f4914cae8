// Functions with setjmp, for `benches/exceptions`: every `run_*` function makes `n` calls in them and gives a checksum.
#include <setjmp.h>

#define EXPORT __attribute__((visibility("default"), noinline))
#define NEVER_INLINE __attribute__((noinline))

static jmp_buf environment;
// Volatile, so that no optimiser knows when there is a jump.
static volatile int limit = 0x7fffffff;

static NEVER_INLINE int may_jump(int i) {
  if (i > limit) longjmp(environment, 1);
  return i ^ 1;
}

static NEVER_INLINE void jump(int i) { longjmp(environment, i | 1); }

static NEVER_INLINE int protected_call(int i) {
  if (setjmp(environment)) return -1;
  return may_jump(i);
}

// One setjmp, then calls in a loop.
EXPORT int run_calls(int n) {
  volatile int sum = 0;
  if (setjmp(environment)) return -1;
  for (int i = 0; i < n; i++) sum += may_jump(i);
  return sum;
}

// Every call sets its own.
EXPORT int run_setjmp(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) sum += protected_call(i);
  return sum;
}

EXPORT int run_longjmp(int n) {
  volatile int i = 0;
  volatile int sum = 0;
  sum += setjmp(environment);
  if (i < n) {
    i++;
    jump(i);
  }
  return sum;
}
