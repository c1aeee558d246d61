// What the verbs about fleets read: a fleet from a file, from standard input or from those that are
// built in, and the catalogue with what a file adds to it.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/text_source.h"
#include "codec/fleet_file.h"
#include "model/catalogue.h"

namespace mw {

/// The catalogue that is built in, with the types of `file` (empty: none) on top.
Result<Catalogue> load_catalogue(const std::string& file);

/// The text of the fleet file `name`; of the built-in fleet of that name when there is no such
/// file.
Result<NamedText> load_fleet_text(const std::string& name);
/// The fleet in it. A file named in it is looked for beside it.
Result<FleetFile> load_fleet(const std::string& name, const Catalogue& catalogue);

}  // namespace mw
