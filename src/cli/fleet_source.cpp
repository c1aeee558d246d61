#include "cli/fleet_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "codec/catalogue_file.h"
#include "codec/embedded_files.h"
#include "codec/suggest.h"
#include "codec/units.h"

namespace mw {
namespace fs = std::filesystem;

Result<std::string> read_text_file(const std::string& name, std::size_t bytes_max) {
  std::error_code failure;
  if (fs::is_directory(name, failure))
    return Error{ErrorCode::kInvalid, fmt::format("{} is a folder; name a file", name)};
  std::ifstream file;
  if (name != "-") {
    file.open(name, std::ios::binary);
    if (!file)
      return Error{ErrorCode::kNotFound,
                   fmt::format("cannot read {}: {}", name, std::strerror(errno))};
  }
  std::istream& stream = name == "-" ? std::cin : file;
  std::string text(bytes_max + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > bytes_max)
    return Error{ErrorCode::kTooLarge,
                 fmt::format("{} has more than the {} bytes that are allowed", name, bytes_max)};
  return text;
}

Result<Catalogue> load_catalogue(const std::string& file) {
  if (file.empty()) return built_in_catalogue();
  const auto text = read_text_file(file, kCatalogueFileBytesMax);
  if (!text) return text.error();
  return parse_catalogue_file(*text, file, built_in_catalogue());
}

Result<FleetText> load_fleet_text(const std::string& name) {
  std::error_code failure;
  if (name != "-" && !fs::exists(name, failure)) {
    const auto fleet = std::ranges::find(kEmbeddedFleets, name, &EmbeddedFile::name);
    if (fleet != kEmbeddedFleets.end()) return FleetText{name + ".yaml", std::string(fleet->text)};
    if (name.find_first_of("./") == std::string::npos) {
      std::vector<std::string_view> names;
      for (const EmbeddedFile& one : kEmbeddedFleets) names.push_back(one.name);
      const std::string_view meant = closest(name, names);
      return Error{
          ErrorCode::kNotFound,
          fmt::format("there is no file and no built-in fleet {}{} Built in: {}", in_quotes(name),
                      meant.empty() ? "." : fmt::format("; did you mean \"{}\"?", meant),
                      fmt::join(names, ", "))};
    }
  }
  auto text = read_text_file(name, kFleetFileBytesMax);
  if (!text) return text.error();
  return FleetText{name == "-" ? "(standard input)" : name, std::move(*text)};
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
