// The half of task_record.h that only the engine needs: the supervisor is linked without it, and
// so without a JSON library.
#include <boost/json.hpp>

#include "engines/local/task_record.h"

namespace mw::local {
namespace {

ProcessId process_of(const boost::json::value& value) {
  return {.pid = value.at("pid").to_number<pid_t>(),
          .start_ticks = value.at("start_ticks").to_number<std::uint64_t>()};
}

std::string text_of(const boost::json::value& value) { return std::string(value.as_string()); }

}  // namespace

Result<TaskStatus> decode_status(std::string_view text) {
  try {
    const boost::json::value value = boost::json::parse({text.data(), text.size()});
    TaskStatus status;
    const std::string state = text_of(value.at("state"));
    const auto phase = enum_from_name<TaskPhase>(state);
    if (!phase) {
      return Error{ErrorCode::kInvalid, "the task's status has an unknown state: `" + state + "`"};
    }
    status.phase = *phase;
    status.boot_id = text_of(value.at("boot_id"));
    status.supervisor = process_of(value.at("supervisor"));
    status.task = process_of(value.at("task"));
    status.started_at_ns = value.at("started_at_ns").to_number<std::int64_t>();
    status.ended_at_ns = value.at("ended_at_ns").to_number<std::int64_t>();
    status.exit.exit_code = value.at("exit_code").to_number<std::int32_t>();
    status.exit.signal = value.at("signal").to_number<std::int32_t>();
    status.exit.out_of_memory = value.at("out_of_memory").as_bool();
    status.exit.detail = text_of(value.at("detail"));
    status.log_bytes_lost = value.at("log_bytes_lost").to_number<std::uint64_t>();
    return status;
  } catch (const std::exception& error) {
    return Error{ErrorCode::kInvalid,
                 std::string("the task's status is not what a supervisor writes: ") + error.what()};
  }
}

std::optional<TaskStatus> read_status(const RankFiles& files) {
  const auto text = read_file(files.status());
  if (!text) return std::nullopt;
  auto status = decode_status(*text);
  return status.ok() ? std::move(status).value() : TaskStatus{};
}

}  // namespace mw::local
