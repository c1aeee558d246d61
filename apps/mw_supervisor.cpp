// mw-supervisor DIRECTORY: runs one task of the local engine to its end. Started by `mw serve`
// only, with the task's lock at descriptor 3; see src/engines/local/supervisor.h.
#include <cstdio>

#include "engines/local/supervisor.h"

int main(int argc, char** argv) {
  if (argc != 2 || argv[1][0] == '-') {
    std::fputs("mw-supervisor is started by mw serve, one for each task; it is of no use alone.\n",
               stderr);
    return 2;
  }
  return mw::local::supervise(argv[1]);
}
