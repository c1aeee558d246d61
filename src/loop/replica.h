// What readers see: a second State that applies the same durable events on a thread of its own.
// A long read delays the acknowledgements behind it, never the brain.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "core/state.h"
#include "loop/control_loop.h"

namespace mw {

class Replica {
 public:
  /// A durable batch on its way to readers.
  struct Publication {
    EventSeq first;
    std::shared_ptr<const std::vector<Event>> events;
    /// Called when readers can see the events.
    std::vector<std::function<void()>> then;
  };

  explicit Replica(State state);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  void publish(Publication publication);
  /// Returns when everything published so far is visible and answered.
  void flush();

  void read(const std::function<void(const State&)>& reader) const;
  std::uint64_t subscribe(ControlLoop::EventListener listener);
  /// After it returns the listener is not called any more.
  void unsubscribe(std::uint64_t handle);

 private:
  void run();
  void show(const Publication& publication);

  mutable std::shared_mutex state_mutex_;
  State state_;

  std::mutex listeners_mutex_;
  std::map<std::uint64_t, ControlLoop::EventListener> listeners_;
  std::uint64_t next_listener_ = 1;

  std::mutex queue_mutex_;
  std::condition_variable queue_changed_;
  std::deque<Publication> queue_;
  bool busy_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace mw
