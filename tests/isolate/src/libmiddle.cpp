// A library that needs the other one.
#include "state.h"

extern "C" {
int twice() {
  bump();
  return bump();
}

int (*which_address_of_middle())() { return which; }
}
