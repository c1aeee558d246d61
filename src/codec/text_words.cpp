#include "codec/text_words.h"

#include "codec/text.h"
#include "codec/timestamp.h"

namespace mw::words {

std::string counted(std::uint64_t n, std::string_view one) {
  return number(n) + " " + std::string(one) + (n == 1 ? "" : "s");
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string listed_jobs(const std::vector<JobId>& jobs) {
  constexpr std::size_t kShown = 4;
  if (jobs.empty()) return "no job";
  if (jobs.size() == 1) return "job " + number(jobs[0].value());
  // One more is named rather than called "1 other".
  const bool cut = jobs.size() > kShown + 1;
  const std::size_t named = cut ? kShown : jobs.size() - 1;
  std::string text = "jobs ";
  for (std::size_t i = 0; i < named; ++i) text += (i == 0 ? "" : ", ") + number(jobs[i].value());
  return text + " and " +
         (cut ? number(jobs.size() - kShown) + " others" : number(jobs.back().value()));
}

std::string by_whom(const std::string& who) { return who.empty() ? "" : " by " + who; }

std::string after_colon(const std::string& detail) { return detail.empty() ? "" : ": " + detail; }

std::string moment(Instant at, Instant now) {
  const std::string when = write_timestamp(at);
  return now == Instant() || at <= now ? when : when + ", in " + duration_text(at - now);
}

std::string on_one_line(std::string line) {
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = ' ';
  }
  return line;
}

}  // namespace mw::words
