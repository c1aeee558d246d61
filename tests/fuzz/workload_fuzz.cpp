// Any bytes as a workload: as a workload file, as each form of trace. They are refused with a
// message on lines of valid text, or give jobs in order that keep the stated bounds; a workload
// file survives being written and read again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "codec/trace_jobs.h"
#include "codec/workload_file.h"
#include "codec/yaml_tree.h"

namespace {

void check(const mw::Result<mw::TraceJobs>& trace) {
  if (!trace) {
    MW_CHECK(!trace.error().message.empty());
    return;
  }
  mw::Duration last;
  for (const mw::TraceJob& job : trace->jobs) {
    MW_CHECK(job.submitted >= last && job.run_time > mw::Duration(0));
    MW_CHECK(job.run_time <= mw::kTraceSpanMax && job.time_limit >= mw::Duration(0));
    MW_CHECK(job.accelerators >= mw::AcceleratorShare(0) && job.cpus >= mw::CpuShare(0));
    MW_CHECK(job.memory >= mw::Bytes(0));
    last = job.submitted;
  }
}

void check_table(std::string_view text) {
  if (const auto table = mw::CsvTable::parse(text, "trace.csv")) {
    check(mw::read_philly_trace(*table));
    check(mw::read_muri_trace(*table));
    check(mw::read_openb_trace(*table));
    if (const auto requests = mw::read_azure_trace(*table)) {
      for (const mw::TraceRequest& request : *requests) MW_CHECK(request.at >= mw::Duration(0));
    }
  }
  if (const auto table = mw::CsvTable::parse(text, "sacct.txt", mw::kSacctForm))
    check(mw::read_sacct_trace(*table));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)mw::detect_trace_format(text);
  check_table(text);
  check(mw::read_swf_trace(text, "trace.swf"));
  const auto model = mw::parse_workload_file(text, "workload.yaml");
  if (!model) {
    MW_CHECK(!model.error().message.empty());
    MW_CHECK(mw::invalid_utf8_at(model.error().message) == std::string_view::npos);
    return 0;
  }
  MW_CHECK(!model->sizes.empty() && (model->jobs > 0) != (model->load_milli > 0));
  const auto again = mw::parse_workload_file(mw::write_workload_file(*model), "");
  MW_CHECK(again.ok());
  MW_CHECK(*again == *model);
  return 0;
}
