// Help of the commands, from the table of options; and the reading of a batch script, which sbatch
// and "mw slurm show" share.
#pragma once

#include <string>
#include <vector>

#include "slurm_face/face.h"

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
/// `arguments`: the script's file, none for standard input, and its arguments.
/// Errors: kNotFound, kTooLarge; kInvalid: it is no script, saying what is wrong.
Result<BatchScript> read_batch_script(const std::vector<std::string>& arguments,
                                      const std::string& wrap);

}  // namespace mw::face
