// What the modules of a wheel know of its library. No headers of the C++ library are needed.

extern "C" {
extern int counter;
int which();
int bump();
void on_bump(int (*callback)(int));
int (*which_address())();
int (*which_address_of_middle())();
int twice();
void fail(int code);
void jump_back(void *buffer, int value);
int *shared_address();
int setjmp(void *buffer) __attribute__((returns_twice));
void longjmp(void *buffer, int value) __attribute__((noreturn));
}

struct Problem {
  int code;
};

struct Shape {
  virtual int sides();
};

struct Square : Shape {
  int sides() override;
};

Shape *a_square();

// One variable for the whole program, by the language.
inline int &shared() {
  static int value = 5;
  return value;
}
