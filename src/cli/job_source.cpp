#include "cli/job_source.h"

#include <filesystem>

#include "cli/text_source.h"
#include "codec/job_file.h"

namespace mw {

Result<std::string> load_job_file(const std::string& name) {
  auto text = read_text_file(name, kJobFileBytesMax);
  if (!text) return text.error();
  std::error_code failure;
  const bool is_stream = name == "-";
  const auto folder = is_stream ? std::filesystem::current_path(failure)
                                : std::filesystem::absolute(name, failure).parent_path();
  if (failure)
    return Error{ErrorCode::kInvalid,
                 "the current folder no longer exists; change to one that does"};
  JobFileContext context{.source_name = is_stream ? "(standard input)" : name,
                         .default_workdir = folder.string()};
  const auto spec = parse_job_file(*text, context);
  if (!spec) return spec.error();
  return write_job_file(*spec);
}

}  // namespace mw
