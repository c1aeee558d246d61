// The events as they happen, for any number of readers. The newest are kept in memory once, for
// all of them; a reader is only a position. One that fell behind what is kept reads the journal
// until it has caught up, so nobody gets an event twice or misses one, and a slow reader costs
// neither memory nor anybody's time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "http/message.h"
#include "http/views.h"
#include "http/worker_pool.h"
#include "loop/control_loop.h"
#include "loop/journal.h"

namespace mw::http {

/// Which events somebody wants to see; the same meaning as EventQuery's.
struct EventFilter {
  std::optional<JobId> job;
  std::optional<NodeId> node;
  [[nodiscard]] bool matches(const Event& event) const;
};

class EventFeed {
 public:
  /// `events_kept`: how many of the newest stay in memory.
  EventFeed(ControlLoop& loop, std::size_t events_kept) : loop_(loop), events_kept_(events_kept) {}
  ~EventFeed() { stop(); }
  EventFeed(const EventFeed&) = delete;
  EventFeed& operator=(const EventFeed&) = delete;

  /// REQUIRES: the loop was started.
  void start();
  /// Readers are not woken any more.
  void stop();

  /// Some consecutive events of one batch.
  struct Slice {
    EventSeq first;
    std::shared_ptr<const std::vector<Event>> batch;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  struct Recent {
    bool in_memory = false;     ///< false: the journal has to be asked
    std::vector<Slice> slices;  ///< what comes after the position; empty: nothing yet
    std::uint64_t version = 0;  ///< for wait()
  };
  /// The events after `position`, at most `limit`.
  [[nodiscard]] Recent recent(EventSeq position, std::size_t limit) const;

  /// Calls `wake` once, when more was published than at `version`; at once when it was already.
  /// It must not block. The result is for forget(); 0 when it was called.
  std::uint64_t wait(std::uint64_t version, std::function<void()> wake);
  void forget(std::uint64_t waiter);

 private:
  void publish(EventSeq first, const std::shared_ptr<const std::vector<Event>>& events);

  ControlLoop& loop_;
  const std::size_t events_kept_;
  std::optional<std::uint64_t> subscription_;

  struct Batch {
    EventSeq first;
    std::shared_ptr<const std::vector<Event>> events;
  };
  mutable std::mutex mutex_;
  std::deque<Batch> batches_;  ///< consecutive
  std::size_t kept_ = 0;       ///< events in them
  std::uint64_t version_ = 1;  ///< counts publications
  std::map<std::uint64_t, std::function<void()>> waiters_;
  std::uint64_t next_waiter_ = 1;
};

/// What a stream of events needs. All of it outlives the streams.
struct EventStreamSources {
  EventFeed& feed;
  Journal& journal;
  WorkerPool& workers;
  NodeNames& names;
};
/// Server-sent events: those after `after` that match, then those to come.
std::shared_ptr<ByteStream> make_event_stream(EventStreamSources sources, EventSeq after,
                                              EventFilter filter);

}  // namespace mw::http
