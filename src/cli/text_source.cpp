#include "cli/text_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <vector>

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

Result<NamedText> read_file_or_built_in(const std::string& name,
                                        std::span<const EmbeddedFile> built_in,
                                        std::string_view kind, std::size_t bytes_max) {
  std::error_code failure;
  if (name != "-" && !fs::exists(name, failure)) {
    if (const EmbeddedFile* file = find_embedded(built_in, name)) {
      return NamedText{name + ".yaml", std::string(file->text)};
    }
    if (name.find_first_of("./") == std::string::npos) {
      std::vector<std::string_view> names;
      for (const EmbeddedFile& one : built_in) names.push_back(one.name);
      const std::string_view meant = closest(name, names);
      return Error{ErrorCode::kNotFound,
                   fmt::format("there is no file and no built-in {} {}{} Built in: {}", kind,
                               in_quotes(name),
                               meant.empty() ? "." : fmt::format("; did you mean \"{}\"?", meant),
                               fmt::join(names, ", "))};
    }
  }
  auto text = read_text_file(name, bytes_max);
  if (!text) return text.error();
  return NamedText{name == "-" ? "(standard input)" : name, std::move(*text)};
}

}  // namespace mw
