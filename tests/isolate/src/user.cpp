// An extension module that uses both libraries in every way there is: calls, addresses in code and in data, data, callbacks, exceptions,
// casts, and a call before anybody calls it.
#include "state.h"

static int early = which();
static int (*const functions[])() = {which, bump};
static int *const pointer = &counter;

static int callback(int count) { return 1000 + count; }

extern "C" {
void *PyInit_user() { return nullptr; }

int called() { return which(); }
int called_early() { return early; }
int called_by_pointer() { return which_address()(); }
int called_from_data() { return functions[0](); }
int same_address() { return which == which_address() && which == which_address_of_middle() && functions[0] == which; }

int same_data() {
  counter = 40;
  bump();
  return *pointer;
}

int through_middle() { return twice(); }

int called_back() {
  on_bump(callback);
  int result = bump();
  on_bump(nullptr);
  return result;
}

int caught() {
  try {
    fail(6);
  } catch (Problem &problem) {
    return problem.code;
  }
  return 0;
}

int cast() {
  Square *square = dynamic_cast<Square *>(a_square());
  return square ? square->sides() : -1;
}

int same_static() { return &shared() == shared_address(); }

int shared_static() { return ++shared(); }

int jumped() {
  alignas(16) char buffer[256];
  int value = setjmp(buffer);
  if (value == 0) {
    jump_back(buffer, 7);
  }
  return value;
}
}
