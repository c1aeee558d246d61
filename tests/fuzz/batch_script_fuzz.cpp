// Any bytes as a batch script: its directives are read or refused with a message, and whatever is
// taken becomes a job that the control plane would take as well, or is refused by name.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "codec/hostlist.h"
#include "codec/job_file.h"
#include "slurm_face/request_job.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto names = mw::slurm::expand_hostlist(text.substr(0, 200));
      names && names->size() < 1000) {
    const auto again = mw::slurm::expand_hostlist(mw::slurm::compress_hostlist(*names));
    MW_CHECK(again.ok() && *again == *names);
  }
  const auto directives = mw::face::read_directives(text);
  if (!directives) {
    MW_CHECK(!directives.error().message.empty());
    return 0;
  }
  const mw::Instant now(std::int64_t{1'800'000'000} * 1'000'000'000);
  const auto request = mw::face::read_request(mw::face::kSbatch, *directives, now);
  if (!request) return 0;
  mw::face::FleetFacts fleet;
  fleet.groups = {{"here", "cpu"}, {"here", "h100-sxm"}};
  fleet.partitions = {{"all", {}, {}, true}};
  mw::face::FaceJob face;
  face.name = request->job_name.empty() ? "job" : request->job_name;
  auto job = mw::face::translate(*request, fleet, face, "/tmp");
  if (!job) {
    MW_CHECK(!job.error().message.empty());
    return 0;
  }
  // What may still be refused has its message there, for instance a tenant that is no name.
  job->spec.command = mw::face::command_of(job->face, "/usr/bin/mw");
  const auto again = mw::parse_job_file(mw::write_job_file(job->spec), {});
  MW_CHECK(again.ok() || !again.error().message.empty());
  MW_CHECK(mw::face::face_job_of(job->spec.command).has_value() || !again.ok());
  return 0;
}
