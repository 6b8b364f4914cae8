// A library with another definition of a function that is weak in libshapes.
extern "C" int policy(int x) { return x * 1000; }
