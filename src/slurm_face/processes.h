// Starting programs as the parts of a job do: in a session of their own, ended by the kernel when
// who started them ends, with exactly the environment, folder and files that are said.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace mw::face {

struct ProgramStart {
  std::vector<std::string> command;
  std::vector<std::string> environment;  ///< "NAME=value"; PATH of it finds the program
  std::string folder;                    ///< empty: here
  int in = -1;                           ///< -1: /dev/null
  int out = 1;
  int err = 2;
  int umask = -1;  ///< -1: ours
};
/// Errors: kUnavailable when no process can be made. A program that cannot be executed exits with
/// 127 or 126, and has said why on its standard error.
Result<pid_t> start_program(const ProgramStart& start);

/// To the program and all that it has started, also in the moment before it has its session.
void signal_program(pid_t program, int signal);
/// As many open files as the system lets us have; programs that are started get what we had.
void raise_descriptor_limit();

/// Blocks these signals, and gives a descriptor that tells of them.
int signal_descriptor(const std::vector<int>& signals);
/// The next one that it tells of; 0: none now.
int next_signal(int descriptor);

/// What a shell would say of a status from waitpid: the exit code, or 128 and the signal.
int exit_code_of(int status);
/// Ends this process as the status says: with the same code, or by the same signal.
[[noreturn]] void end_as(int status);

/// Opens the file `name`, made if need be, to write at its end.  `empty_it`: what was in it goes.
/// Errors: kUnavailable, naming the file.
Result<int> open_output(const std::string& name, bool empty_it);

}  // namespace mw::face
