// Any bytes as a line of the kernel's log: they are nothing, or a fault with a code that the
// control plane takes, and words that can be shown.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/kernel_line.h"
#include "agent/sources.h"
#include "base/check.h"
#include "codec/fault_policy_file.h"

namespace {

void check_clean(std::string_view text, std::size_t most) {
  MW_CHECK(text.size() <= most);
  for (const char c : text) MW_CHECK(c >= ' ' && c <= '~');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const mw::agent::KernelLine line = mw::agent::split_kernel_line(text);
  MW_CHECK(line.message.size() <= text.size());
  if (const auto date = mw::agent::parse_http_date(text)) MW_CHECK(*date >= 0);
  const auto sighting = mw::agent::read_kernel_message(line.message);
  if (!sighting) return 0;
  MW_CHECK(mw::parse_fault_code(sighting->code).ok());
  MW_CHECK(sighting->count > 0);
  check_clean(sighting->detail, mw::agent::kDetailBytesMax);
  check_clean(sighting->part, mw::agent::kDetailBytesMax);
  if (!sighting->pci.empty()) MW_CHECK(mw::agent::pci_address(sighting->pci) == sighting->pci);
  return 0;
}
