// Any bytes as a job file: they are refused with a message on lines of valid text, or give a job
// that keeps the stated bounds and survives being written and read again. The first byte chooses
// the context, so that overrides and a missing default folder are met too.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "codec/job_file.h"
#include "codec/units.h"
#include "codec/yaml_tree.h"

namespace {

void check_gang(const mw::GangShape& gang) {
  MW_CHECK(gang.tasks >= 1 && gang.tasks <= mw::kTasksMax);
  MW_CHECK(gang.nodes == 0 || gang.tasks % gang.nodes == 0);
  MW_CHECK(gang.segment == 0 || gang.tasks % gang.segment == 0);
  MW_CHECK(gang.tasks_min <= gang.tasks);
  if (gang.nodes > 0) MW_CHECK(gang.tasks_min % (gang.tasks / gang.nodes) == 0);
  if (gang.segment > 0) MW_CHECK(gang.tasks_min % gang.segment == 0);
  const std::int64_t share = gang.task.accelerators.count();
  MW_CHECK(share >= 0 && (share < 1000 || share % 1000 == 0));
}

void check_bounds(const mw::JobSpec& spec) {
  MW_CHECK(!spec.name.empty() && spec.name.size() <= mw::kNameLengthMax);
  MW_CHECK(!spec.command.empty() && !spec.command.front().empty());
  MW_CHECK(spec.workdir.starts_with('/'));
  check_gang(spec.gang);
  std::int64_t tasks = spec.gang.tasks;
  for (const mw::GangShape& group : spec.groups) {
    check_gang(group);
    tasks += group.tasks;
  }
  MW_CHECK(tasks <= mw::kTasksMax);
  MW_CHECK(spec.not_before >= mw::Instant());
  MW_CHECK(spec.deadline == mw::Instant() || spec.deadline > spec.not_before);
  for (const mw::Dependency& one : spec.after) MW_CHECK(one.job.value() > 0);
  MW_CHECK(spec.array >= 1 && spec.array <= mw::kArrayMax);
  MW_CHECK(spec.restart.delay <= spec.restart.delay_max);
  for (const auto& variable : spec.environment) {
    MW_CHECK(!variable.name.starts_with("MILLWRIGHT_"));
    MW_CHECK(variable.value.find('\0') == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  mw::JobFileContext context{.source_name = "job.yaml", .user = "fuzz"};
  if ((data[0] & 1) == 0) context.default_workdir = "/work";
  if ((data[0] & 2) != 0) {
    context.overrides = {{"resources.cpus", "2", "--cpus"},
                         {"environment.A", "b", "--env A"},
                         {"where.sites", "oslo,dallas", "--site"},
                         {"after", "12", "--after"}};
  }
  const auto read = mw::parse_job_file(text, context);
  if (!read) {
    MW_CHECK(!read.error().message.empty());
    MW_CHECK(mw::invalid_utf8_at(read.error().message) == std::string_view::npos);
    return 0;
  }
  check_bounds(*read);
  const auto again = mw::parse_job_file(mw::write_job_file(*read), {.user = "fuzz"});
  MW_CHECK(again.ok());
  MW_CHECK(*again == *read);
  return 0;
}
