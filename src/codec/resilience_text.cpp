#include "codec/resilience_text.h"

#include "codec/units.h"

namespace mw {
namespace {

constexpr std::int64_t kPpmOfThousandth = 10;  // a thousandth of a percent
constexpr std::int64_t kFailuresMax = 1000;

}  // namespace

Result<std::uint32_t> parse_ppm(std::string_view text) {
  const Error fault{ErrorCode::kInvalid,
                    "expected a share from 0% to 100% with at most three decimals, such as 0.1%"};
  if (!text.ends_with('%')) return fault;
  const auto thousandths = parse_thousandths(text.substr(0, text.size() - 1), 0, 100);
  if (!thousandths) return fault;
  return static_cast<std::uint32_t>(*thousandths * kPpmOfThousandth);
}

std::string write_ppm(std::uint32_t ppm) {
  return write_thousandths(ppm / static_cast<std::uint32_t>(kPpmOfThousandth)) + "%";
}

Result<std::uint32_t> parse_failure_rate(std::string_view text) {
  const auto thousandths = parse_thousandths(text, 0, kFailuresMax);
  if (thousandths) return static_cast<std::uint32_t>(*thousandths);
  return Error{ErrorCode::kInvalid,
               "expected failures of a thousand nodes in a day, such as 6.5 (from 0 to 1000, with "
               "at most three decimals), or measured"};
}

}  // namespace mw
