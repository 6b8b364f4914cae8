// A library with a state. Two wheels have copies of their own, which WHICH tells apart.
#include "state.h"

static int (*on_next)(int);

extern "C" {
int counter;

int which() { return WHICH; }

int bump() {
  ++counter;
  return on_next ? on_next(counter) : counter;
}

void on_bump(int (*callback)(int)) { on_next = callback; }

int (*which_address())() { return which; }

void fail(int code) { throw Problem{code}; }

void jump_back(void *buffer, int value) { longjmp(buffer, value); }

int *shared_address() { return &shared(); }
}

int Shape::sides() { return 0; }

int Square::sides() { return 4; }

static Square square;

Shape *a_square() { return &square; }
