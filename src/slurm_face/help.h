// Help of the commands, from the table of options; and the reading of a batch script with the
// options in it, which sbatch and "mw slurm show" share.
#pragma once

#include <string>
#include <vector>

#include "slurm_face/face.h"
#include "slurm_face/request.h"

namespace mw::face {

/// Shows help, or the version; 0.
int show_help(const Call& call, Starter starter, bool only_version);
int show_listing_help(const Call& call, bool only_version);

struct BatchScript {
  std::string text;
  std::string name;     ///< of the job, when nobody says another
  std::string command;  ///< as scontrol shows it
  std::vector<std::string> arguments;
  std::vector<GivenOption> directives;
};
struct BatchRequest {
  BatchScript script;
  Request request;  ///< of script, variables and command line, and where its output goes
};
/// `given`: of the command line: options, the script's file, none for standard input, and the
/// script's arguments.  `wrap`: of --wrap, wherever it was given.
/// Errors: those of gather_request(); kNotFound, kTooLarge; kInvalid: it is no script, saying what
/// is
///         wrong.
Result<BatchRequest> read_batch_request(const GivenOptions& given, const std::string& wrap);

}  // namespace mw::face
