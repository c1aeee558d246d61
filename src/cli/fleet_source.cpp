#include "cli/fleet_source.h"

#include <filesystem>

#include "codec/catalogue_file.h"

namespace mw {
namespace fs = std::filesystem;

Result<Catalogue> load_catalogue(const std::string& file) {
  if (file.empty()) return built_in_catalogue();
  const auto text = read_text_file(file, kCatalogueFileBytesMax);
  if (!text) return text.error();
  return parse_catalogue_file(*text, file, built_in_catalogue());
}

Result<NamedText> load_fleet_text(const std::string& name) {
  return read_file_or_built_in(name, kEmbeddedFleets, "fleet", kFleetFileBytesMax);
}

Result<FleetFile> load_fleet(const std::string& name, const Catalogue& catalogue) {
  const auto source = load_fleet_text(name);
  if (!source) return source.error();
  FleetFileContext context{.source_name = source->name, .catalogue = &catalogue};
  context.read_file = [&](const std::string& file) {
    return read_text_file((fs::path(source->name).parent_path() / file).string(),
                          kCatalogueFileBytesMax);
  };
  return parse_fleet_file(source->text, context);
}

}  // namespace mw
