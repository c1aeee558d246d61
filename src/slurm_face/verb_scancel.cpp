// scancel: stop jobs, or send a signal to what runs of them.
#include <fmt/format.h>

#include <csignal>

#include "slurm_face/face.h"
#include "slurm_face/help.h"
#include "slurm_face/job_filter.h"
#include "slurm_face/packets.h"
#include "slurm_face/seat.h"
#include "slurm_face/values.h"

namespace mw::face {
namespace {

/// Whom a signal reaches: its steps unless somebody says otherwise, as in Slurm.
struct Receivers {
  bool script = false;
  bool steps = true;
};

/// Through the job's own hub, which only its user, on its machine, can reach.
Result<void> send_signal(Api& api, const JobRow& row, int signal, Receivers receivers) {
  if (!row.by_face) {
    return Error{
        ErrorCode::kUnsupported,
        fmt::format("job {} was not handed in by sbatch, srun or salloc; signals reach only "
                    "those. \"scancel {}\" stops it",
                    row.shown_id(), row.shown_id())};
  }
  const auto view = api.get(fmt::format("/v1/jobs/{}", row.id));
  if (!view) return view.error();
  const std::string folder =
      fmt::format("{}/run/{}.{}", row.face.spool, row.id, view->view()["attempts"].integer());
  const auto hub = PacketSocket::connect(folder, kHubSocket);
  if (!hub) {
    return Error{hub.error().code,
                 fmt::format("job {}: {}; signals reach jobs that run on this machine",
                             row.shown_id(), hub.error().message)};
  }
  hub->send({{"op", "signal_job"},
             {"signal", signal},
             {"script", receivers.script},
             {"steps", receivers.steps}});
  if (!hub->receive()) {
    return Error{ErrorCode::kConflict, fmt::format("job {} has just ended", row.shown_id())};
  }
  return {};
}

Result<void> cancel(Api& api, std::uint64_t id, bool whole_array) {
  HttpFields query;
  if (whole_array) query.emplace_back("whole_array", "1");
  const auto done = api.post(fmt::format("/v1/jobs/{}/cancel", id), {}, query);
  if (!done) return done.error();
  return {};
}

/// What the arguments name, and the filter leaves.
/// An argument that names none is told, and does not keep the others from being stopped.
Result<std::vector<JobRow>> jobs_meant(const Call& call, Api& api, const GivenFlags& flags,
                                       const JobFilter& filter, int& code) {
  std::vector<JobRow> rows;
  if (flags.arguments.empty()) {
    auto listed = list_jobs(api, {{"state", "pending,starting,running,stopping"}}, {});
    if (!listed) return listed.error();
    rows = std::move(*listed);
  }
  for (const std::string& argument : flags.arguments) {
    const auto names = parse_job_names(argument);
    if (!names) {
      code = call.fail(names.error());
      continue;
    }
    for (const JobName& name : *names) {
      auto found = find_jobs(api, name, {});
      if (found) {
        std::ranges::move(*found, std::back_inserter(rows));
      } else if (found.error().code == ErrorCode::kNotFound) {
        code = call.fail(found.error());
      } else {
        return found.error();
      }
    }
  }
  std::erase_if(rows, [&](const JobRow& row) { return !filter.takes(row); });
  return rows;
}

}  // namespace

int run_scancel(const Call& call) {
  const auto flags = read_flags(flags_of("scancel"), call.arguments);
  if (!flags) return call.fail(flags.error());
  if (flags->has("help") || flags->has("usage") || flags->has("version")) {
    return show_listing_help(call, flags->has("version"));
  }
  const auto filter = read_filter(*flags);
  if (!filter) return call.fail(filter.error());
  if (flags->arguments.empty() && filter->empty()) {
    return call.fail("No job identification provided");
  }
  int signal = 0;
  if (flags->has("signal")) {
    signal = signal_number(flags->value("signal"));
    if (signal == 0)
      return call.fail(fmt::format("Unknown job signal: {}", flags->value("signal")));
  }
  const Receivers receivers{.script = flags->has("batch") || flags->has("full"),
                            .steps = !flags->has("batch") || flags->has("full")};
  auto connection = connect_api();
  if (!connection) return call.fail(connection.error());
  int code = 0;
  const auto rows = jobs_meant(call, connection->api, *flags, *filter, code);
  if (!rows) return call.fail(rows.error());
  for (const JobRow& row : *rows) {
    if (is_final(row.state)) {
      if (!flags->has("quiet") && !flags->arguments.empty()) {
        call.fail(
            fmt::format("Kill job error on job id {}: Job/step already completing or completed",
                        row.shown_id()));
      }
      continue;
    }
    const bool only_signal = signal != 0 && signal != SIGKILL;
    const auto done = only_signal ? send_signal(connection->api, row, signal, receivers)
                                  : cancel(connection->api, row.id, false);
    if (!done) code = call.fail(done.error());
  }
  return code;
}

}  // namespace mw::face
