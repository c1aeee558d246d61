#include "loop/input_queue.h"

#include <chrono>
#include <iterator>

namespace mw {

bool InputQueue::ask(InputBody& body, AnswerCallback& callback) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || inputs_.size() >= asked_max_) return false;
    inputs_.push_back({std::move(body), std::move(callback)});
  }
  arrived_.notify_one();
  return true;
}

void InputQueue::observe(InputBody body) {
  {
    const std::lock_guard lock(mutex_);
    inputs_.push_back({std::move(body), nullptr});
  }
  arrived_.notify_one();
}

void InputQueue::put_back(std::vector<QueuedInput> inputs) {
  const std::lock_guard lock(mutex_);
  inputs_.insert(inputs_.begin(), std::make_move_iterator(inputs.begin()),
                 std::make_move_iterator(inputs.end()));
}

std::vector<QueuedInput> InputQueue::take(std::size_t max, Duration timeout) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, std::chrono::nanoseconds(timeout.count()),
                    [&] { return !inputs_.empty() || closed_; });
  std::vector<QueuedInput> taken;
  while (!inputs_.empty() && taken.size() < max) {
    taken.push_back(std::move(inputs_.front()));
    inputs_.pop_front();
  }
  return taken;
}

void InputQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  arrived_.notify_all();
}

bool InputQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

std::size_t InputQueue::size() const {
  const std::lock_guard lock(mutex_);
  return inputs_.size();
}

}  // namespace mw
