// CHECK: a broken invariant stops the program, in release builds too. Continuing on a state that
// is known to be wrong would turn one defect into lost jobs; the journal lets us start again.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace mw {

[[noreturn]] inline void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace mw

#define MW_CHECK(expression)                               \
  do {                                                     \
    if (!(expression)) [[unlikely]]                        \
      ::mw::check_failed(#expression, __FILE__, __LINE__); \
  } while (false)
