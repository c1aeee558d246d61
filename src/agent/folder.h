// The files of the machine, below a root that can be set: tests and containers have another one
// than "/". What is not there, cannot be read or is no plain file is simply none: machines differ.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mw::agent {

class Folder {
 public:
  explicit Folder(std::filesystem::path root) : root_(std::move(root)) {}

  /// The file's place below the root. `path` is absolute: "/sys/class/hwmon".
  [[nodiscard]] std::filesystem::path at(const std::string& path) const;
  /// The file's text without blanks at its end, at most `bytes_max` of it.
  [[nodiscard]] std::optional<std::string> read(const std::string& path,
                                                std::size_t bytes_max = std::size_t{64}
                                                                        << 10) const;
  /// A file that holds one number, such as sysfs has.
  [[nodiscard]] std::optional<std::int64_t> number(const std::string& path) const;
  /// Names in a folder, sorted; at most 4096.
  [[nodiscard]] std::vector<std::string> names(const std::string& path) const;
  [[nodiscard]] bool exists(const std::string& path) const;

 private:
  std::filesystem::path root_;
};

}  // namespace mw::agent
