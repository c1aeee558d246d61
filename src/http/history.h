// What is told from the whole history and not from the state: goodput and incidents. They are made
// of the journal's events, from the first on, on a thread of their own when the server starts, and
// kept up with what happens; so they are the same after every restart. Until the past has been
// read, whoever asks is told how far it is.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"
#include "core/goodput.h"
#include "core/incidents.h"
#include "loop/control_loop.h"
#include "loop/journal.h"

namespace mw::http {

class History {
 public:
  History(ControlLoop& loop, Journal& journal) : loop_(loop), journal_(journal) {}
  ~History() { stop(); }
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  /// REQUIRES: the loop was started.
  void start();
  /// Safe to call twice.
  void stop();

  /// Calls `reader` with what is known; keep it short, for what happens waits meanwhile.
  /// Errors: kUnavailable while the past is being read, or cannot be.
  Result<void> read(const std::function<void(const Goodput&, const Incidents&)>& reader) const;

 private:
  void take(EventSeq first, const std::shared_ptr<const std::vector<Event>>& events);
  void read_past();
  void note(EventSeq seq, const Event& event);
  void note_waiting();

  ControlLoop& loop_;
  Journal& journal_;
  std::optional<std::uint64_t> subscription_;
  std::thread reader_;

  mutable std::mutex mutex_;
  bool stopping_ = false;
  bool is_current_ = false;
  std::string failure_;  ///< why the past cannot be read
  EventSeq last_;        ///< noted
  EventSeq heard_;       ///< the newest that has happened
  struct Batch {
    EventSeq first;
    std::shared_ptr<const std::vector<Event>> events;
  };
  std::deque<Batch> waiting_;  ///< what happened while the past was read
  Goodput goodput_;
  mutable Incidents incidents_;  ///< whoever looks lets it know how late it is
};

}  // namespace mw::http
