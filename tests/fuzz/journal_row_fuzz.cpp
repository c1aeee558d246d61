// Any bytes as what a journal holds: an event, an input, a job, a piece of a snapshot. They are
// refused with a message, or give a value that is written and read again as the very same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "codec/event_json.h"
#include "codec/text.h"
#include "journal/sqlite/state_json.h"

namespace {

template <class T>
void check_row(std::string_view text, mw::Result<T> (*parse)(std::string_view),
               std::string (*row)(const T&)) {
  const mw::Result<T> read = parse(text);
  if (!read) {
    MW_CHECK(!read.error().message.empty());
    return;
  }
  const mw::Result<T> again = parse(row(*read));
  MW_CHECK(again.ok());
  MW_CHECK(*again == *read);
}

void check_state(std::string_view text) {
  mw::sqlite::StateReader reader;
  if (!reader.add(text)) return;
  // In many pieces, so that the cuts are met as well.
  mw::sqlite::StateReader again;
  mw::sqlite::write_state(reader.so_far(), 64, [&](const std::string& piece) {
    MW_CHECK(again.add(piece).ok());
    return true;
  });
  MW_CHECK(again.so_far() == reader.so_far());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_row<mw::Event>(text, mw::parse_event_row, mw::event_row);
  check_row<mw::Input>(text, mw::parse_input_row, mw::input_row);
  check_row<mw::Job>(text, mw::sqlite::parse_job_row, mw::sqlite::job_row);
  check_row<mw::JobSpec>(text, mw::sqlite::parse_spec_row, mw::sqlite::spec_row);
  check_state(text);
  const mw::Result<mw::Event> event = mw::parse_event_row(text);
  if (event) MW_CHECK(mw::text(event->body).find('\n') == std::string::npos);
  return 0;
}
