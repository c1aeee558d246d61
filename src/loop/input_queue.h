// Where inputs wait for the loop. Callers wait for answers, observers do not; a queue that is
// too long refuses callers but never an observation, which must not be lost.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "base/time.h"
#include "loop/control_loop.h"

namespace mw {

struct QueuedInput {
  InputBody body;
  AnswerCallback callback;  ///< empty for observations
};

class InputQueue {
 public:
  explicit InputQueue(std::size_t asked_max) : asked_max_(asked_max) {}

  /// False when the queue is full or closed, and `callback` was not taken.
  bool ask(InputBody& body, AnswerCallback& callback);
  void observe(InputBody body);
  /// Puts inputs back in front, in their order.
  void put_back(std::vector<QueuedInput> inputs);

  /// Waits until there are inputs, `timeout` passes, or the queue is closed; takes up to `max`.
  std::vector<QueuedInput> take(std::size_t max, Duration timeout);
  /// Takes no more askers; wakes whoever waits.
  void close();
  [[nodiscard]] bool closed() const;
  [[nodiscard]] std::size_t size() const;

 private:
  const std::size_t asked_max_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<QueuedInput> inputs_;
  bool closed_ = false;
};

}  // namespace mw
