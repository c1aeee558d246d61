// Finding the runs of a comparison: the part of compare.h that reads files.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "twin/compare.h"
#include "twin/run_report_json.h"

namespace mw {
namespace {

namespace fs = std::filesystem;

Result<RunReport> read_summary(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return Error{errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
                 fmt::format("{}: {}", file.string(), std::strerror(errno))};
  std::ostringstream text;
  text << stream.rdbuf();
  if (stream.bad() || text.fail())
    return Error{ErrorCode::kUnavailable, fmt::format("{}: cannot be read", file.string())};
  return read_run_report(text.str(), file.string());
}

/// seed-2 before seed-10.
std::uint64_t number_of(const std::string& name) {
  std::uint64_t number = 0;
  std::from_chars(name.data() + 5, name.data() + name.size(), number);
  return number;
}

Result<std::vector<fs::path>> seed_folders(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code failure;
  for (fs::directory_iterator at(folder, failure), end; !failure && at != end;
       at.increment(failure)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with("seed-") && fs::exists(at->path() / "summary.json"))
      found.push_back(at->path());
  }
  if (failure)
    return Error{ErrorCode::kUnavailable,
                 fmt::format("{}: {}", folder.string(), failure.message())};
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
    const std::string one = a.filename().string();
    const std::string two = b.filename().string();
    return std::pair(number_of(one), one) < std::pair(number_of(two), two);
  });
  return found;
}

}  // namespace

Result<RunGroup> read_run_group(const std::string& path) {
  RunGroup group{.name = path, .runs = {}};
  while (group.name.size() > 1 && group.name.ends_with('/')) group.name.pop_back();
  std::error_code failure;
  std::vector<fs::path> files;
  if (!fs::is_directory(path, failure)) {
    files.emplace_back(path);
  } else if (fs::exists(fs::path(path) / "summary.json", failure)) {
    files.push_back(fs::path(path) / "summary.json");
  } else {
    const auto folders = seed_folders(path);
    if (!folders) return folders.error();
    for (const fs::path& folder : *folders) files.push_back(folder / "summary.json");
  }
  if (files.empty())
    return Error{ErrorCode::kNotFound,
                 fmt::format("{}: expected the folder of a run (with summary.json), or one of "
                             "several runs (seed-1/summary.json, ...); found neither",
                             path)};
  for (const fs::path& file : files) {
    auto report = read_summary(file);
    if (!report) return report.error();
    group.runs.push_back(std::move(*report));
  }
  return group;
}

}  // namespace mw
