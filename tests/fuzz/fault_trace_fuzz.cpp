// Any bytes as a trace of faults: they are refused with a message that is valid text, or every
// fault lies within the trace and belongs to one of its nodes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "codec/fault_trace.h"
#include "codec/yaml_tree.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto trace = mw::parse_fault_trace(text, "faults.json");
  if (!trace) {
    MW_CHECK(!trace.error().message.empty());
    MW_CHECK(mw::invalid_utf8_at(trace.error().message) == std::string_view::npos);
    return 0;
  }
  mw::Duration last;
  for (const mw::TraceFault& fault : trace->faults) {
    MW_CHECK(fault.node < trace->nodes);
    MW_CHECK(fault.at >= last && fault.repair >= mw::Duration(0));
    MW_CHECK(fault.at + fault.repair <= trace->length);
    last = fault.at;
  }
  return 0;
}
