// "mw slurm ...": what there is besides the commands themselves.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "cli/json_view.h"
#include "slurm_face/face.h"
#include "slurm_face/flags.h"
#include "slurm_face/help.h"
#include "slurm_face/hub.h"
#include "slurm_face/submit.h"

namespace mw::face {
namespace {

namespace fs = std::filesystem;

int fail(const Console& console, std::string message) {
  return console.fail({ErrorCode::kInvalid, std::move(message)});
}

/// Makes a link of each command's name in DIR, or takes them away again. Only links to this program
/// are ever replaced or removed: a real sbatch stays.
int links(const std::vector<std::string>& arguments, const Console& console) {
  const bool remove = std::ranges::find(arguments, "--remove") != arguments.end();
  std::vector<std::string> folders;
  std::ranges::copy_if(arguments, std::back_inserter(folders),
                       [](const std::string& word) { return !word.starts_with('-'); });
  if (folders.size() != 1 || arguments.size() != (remove ? 2U : 1U)) {
    return fail(console, "expected one folder: mw slurm links [--remove] DIR");
  }
  std::error_code failure;
  const fs::path folder = fs::absolute(folders[0], failure);
  if (!fs::is_directory(folder, failure)) {
    return console.fail(
        {ErrorCode::kNotFound, fmt::format("{} is no folder; make it first", folder.string())});
  }
  const fs::path own = own_program();
  for (const std::string_view name : command_names()) {
    const fs::path link = folder / name;
    const fs::path target = fs::read_symlink(link, failure);
    const bool ours = !failure && (target == own || target.filename() == "mw");
    if (!ours && fs::exists(fs::symlink_status(link, failure))) {
      return console.fail(
          {ErrorCode::kConflict,
           fmt::format("{} is there and is no link to mw; it is left as it is", link.string())});
    }
    if (ours) fs::remove(link, failure);
    if (!remove && ::symlink(own.c_str(), link.c_str()) != 0) {
      return console.fail({ErrorCode::kUnavailable,
                           fmt::format("cannot make {}: {}", link.string(), std::strerror(errno))});
    }
  }
  console.out(
      remove ? fmt::format("The links in {} are gone.\n", folder.string())
             : fmt::format("{} are links to mw in {} now; put it first into PATH. Undone by "
                           "\"mw slurm links --remove {}\".\n",
                           fmt::join(command_names(), ", "), folder.string(), folder.string()));
  return 0;
}

/// The tables of docs/slurm-commands.md.
int options(const std::vector<std::string>& arguments, const Console& console) {
  if (!arguments.empty()) return fail(console, "\"mw slurm options\" takes no arguments");
  console.out(tables_markdown());
  return 0;
}

/// What Slurm would be asked for by a script, with the names of `scontrol show job`.
int show_script(const std::vector<std::string>& arguments, const Console& console,
                const std::string& version) {
  const Call call{"sbatch", arguments, console, version};
  const auto given = read_arguments(kSbatch, arguments);
  if (!given) return call.fail(given.error());
  const auto asked = gather_request(kSbatch, {}, given->options);
  if (!asked) return call.fail(asked.error());
  auto batch = read_batch_request(*given, asked->wrap);
  if (!batch) return call.fail(batch.error());
  auto& [script, request] = *batch;
  if (const auto checked = check_request(request); !checked) return call.fail(checked.error());
  if (request.job_name.empty()) request.job_name = script.name;
  if (request.error.empty()) request.error = request.output;
  const auto folder = work_folder(request);
  if (!folder) return call.fail(folder.error());
  request.chdir = *folder;
  boost::json::object fields = request_fields(request);
  fields["Command"] = script.command;
  console.out(pretty_json(boost::json::serialize(fields)));
  return 0;
}

}  // namespace

std::string tables_markdown() {
  std::string text;
  for (const Starter starter : {kSbatch, kSrun, kSalloc}) text += options_markdown(starter) + "\n";
  text += "| command | taken | refused |\n|---|---|---|\n";
  for (const std::string_view name : command_names()) {
    const auto flags = flags_of(name);
    if (!flags.empty()) text += flags_markdown(name, flags);
  }
  return text;
}

bool is_slurm_verb(std::string_view verb) {
  return verb == "host" || verb == "links" || verb == "options" || verb == "show" ||
         (command_of_program(verb) == verb && !verb.empty());
}

int run_slurm_verb(const std::vector<std::string>& arguments, const Console& console,
                   const std::string& version) {
  const std::string& verb = arguments[0];
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (verb == "host") {
    if (rest.size() == 1) return run_host(rest[0]);
    return fail(console, "\"mw slurm host\" is for ranks of jobs");
  }
  if (verb == "links") return links(rest, console);
  if (verb == "options") return options(rest, console);
  if (verb == "show") return show_script(rest, console, version);
  return run_command({verb, rest, console, version});
}

}  // namespace mw::face
