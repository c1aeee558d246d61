// What the verbs about fleets read: a fleet from a file, from standard input or from those that are
// built in, and the catalogue with what a file adds to it.
#pragma once

#include <string>

#include "base/result.h"
#include "codec/fleet_file.h"
#include "model/catalogue.h"

namespace mw {

/// The whole of a file, or of standard input for "-".
/// Errors: kNotFound when it cannot be read, kTooLarge for more than `bytes_max`.
Result<std::string> read_text_file(const std::string& name, std::size_t bytes_max);

/// The catalogue that is built in, with the types of `file` (empty: none) on top.
Result<Catalogue> load_catalogue(const std::string& file);

struct FleetText {
  std::string name;  ///< for messages
  std::string text;
};
/// The text of the fleet file `name`; of the built-in fleet of that name when there is no such
/// file.
Result<FleetText> load_fleet_text(const std::string& name);
/// The fleet in it. A file named in it is looked for beside it.
Result<FleetFile> load_fleet(const std::string& name, const Catalogue& catalogue);

}  // namespace mw
