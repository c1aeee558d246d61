// sbatch: hand in a batch script, or with --wrap a line of shell.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "cli/text_source.h"
#include "slurm_face/help.h"
#include "slurm_face/spool.h"
#include "slurm_face/submit.h"

namespace mw::face {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(200);

/// Waits for all of it; the highest exit code.
int wait_for_end(const Call& call, Api& api, const Submitted& submitted) {
  int highest = 0;
  for (std::uint64_t i = 0; i < submitted.count; ++i) {
    while (true) {
      const auto end = look_at_job(api, submitted.job + i);
      if (end && end->over) {
        highest = std::max(highest, end->exit_code);
        break;
      }
      // A control plane that is being restarted is waited for.
      if (!end && !may_come_back(end.error())) return call.fail(end.error());
      std::this_thread::sleep_for(kLookEvery);
    }
  }
  return highest;
}

Result<BatchScript> read_batch_script(const std::vector<std::string>& arguments,
                                      const std::string& wrap) {
  BatchScript script;
  if (!wrap.empty()) {
    if (!arguments.empty()) {
      return Error{ErrorCode::kInvalid, "script arguments are not permitted with --wrap"};
    }
    script.text = "#!/bin/sh\n# This script was created by sbatch --wrap.\n\n" + wrap + "\n";
    script.name = "wrap";
    script.command = "wrap";
    return script;
  }
  const bool from_stream = arguments.empty();
  const std::string file = from_stream ? "-" : arguments.front();
  auto text = read_text_file(file, kScriptBytesMax);
  if (!text) return text.error();
  script.text = std::move(*text);
  const std::string shown = from_stream ? "the batch script on standard input" : file;
  if (!script.text.starts_with("#!")) {
    return Error{
        ErrorCode::kInvalid,
        fmt::format("{}: this does not look like a batch script: the first line must start "
                    "with #! followed by the path to an interpreter, for instance #!/bin/sh",
                    shown)};
  }
  if (script.text.find('\0') != std::string::npos) {
    return Error{ErrorCode::kInvalid, fmt::format("{}: the script contains NUL characters", shown)};
  }
  if (script.text.substr(0, script.text.find('\n')).ends_with('\r')) {
    return Error{
        ErrorCode::kInvalid,
        fmt::format("{}: its lines end as DOS ends them (\\r\\n), which no interpreter takes; "
                    "run dos2unix on it",
                    shown)};
  }
  script.name = from_stream ? "sbatch" : std::filesystem::path(file).filename().string();
  script.command =
      from_stream ? "(null)" : std::filesystem::absolute(file).lexically_normal().string();
  if (!from_stream) script.arguments.assign(arguments.begin() + 1, arguments.end());
  auto directives = read_directives(script.text);
  if (!directives)
    return Error{directives.error().code, fmt::format("{}: {}", shown, directives.error().message)};
  script.directives = std::move(*directives);
  return script;
}

}  // namespace

Result<BatchRequest> read_batch_request(const GivenOptions& given, const std::string& wrap) {
  auto script = read_batch_script(given.arguments, wrap);
  if (!script) return script.error();
  auto request = gather_request(kSbatch, script->directives, given.options);
  if (!request) return request.error();
  if (request->output.empty()) {
    request->output = request->array ? "slurm-%A_%a.out" : "slurm-%j.out";
  }
  return BatchRequest{std::move(*script), std::move(*request)};
}

int run_sbatch(const Call& call) {
  const auto given = read_arguments(kSbatch, call.arguments);
  if (!given) return call.fail(given.error());
  // --wrap and --help decide what else there is to read.
  const auto asked = gather_request(kSbatch, {}, given->options);
  if (!asked) return call.fail(asked.error());
  if (asked->help || asked->version) return show_help(call, kSbatch, asked->version);
  const auto batch = read_batch_request(*given, asked->wrap);
  if (!batch) return call.fail(batch.error());
  const auto& [script, request] = *batch;
  auto connection = connect_api();
  if (!connection) return call.fail(connection.error());
  FaceJob face;
  face.kind = FaceKind::kBatch;
  face.name = request.job_name.empty() ? script.name : request.job_name;
  face.command = script.command;
  const auto submitted = submit_job(
      call, *connection, request, std::move(face),
      {.script = script.text, .environment = {}, .arguments = script.arguments}, request.test_only);
  if (!submitted) return call.fail(submitted.error());
  if (request.test_only) {
    call.console.err(fmt::format(
        "sbatch: the job would be taken; \"mw submit --dry-run\" and \"mw job when\" say more\n"));
    return 0;
  }
  if (request.parsable) {
    call.console.out(fmt::format("{}\n", submitted->job));
  } else if (!request.quiet) {
    call.console.out(fmt::format("Submitted batch job {}\n", submitted->job));
  }
  return request.wait ? wait_for_end(call, connection->api, *submitted) : 0;
}

}  // namespace mw::face
