// Where forecasts are made: one after the other, on one thread that gives way to everything else,
// so that the live brain never waits for one. A few may wait for their turn; more are refused, for
// an answer that comes too late is of no use. Now and then, when nobody asks, something else may be
// done there.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace mw::http {

class ForecastDesk {
 public:
  /// Makes one forecast, and gives it up once `stop` is set. It still answers then.
  using Work = std::function<void(const std::atomic<bool>& stop)>;

  /// `waiting_max`: how many may wait beside the one that is made.
  explicit ForecastDesk(std::size_t waiting_max);
  /// Is given up once `stop` is set. Returns when it is to be done again.
  using Aside = std::function<std::chrono::nanoseconds(const std::atomic<bool>& stop)>;
  /// Has `work` done now and then, while no forecast is made or waits; the first time after
  /// `first`.
  void now_and_then(Aside work, std::chrono::nanoseconds first);
  ~ForecastDesk() { stop(); }
  ForecastDesk(const ForecastDesk&) = delete;
  ForecastDesk& operator=(const ForecastDesk&) = delete;

  /// Whether `work` was taken: not when too many wait, or after stop().
  bool post(Work work);
  /// Has what waits and what is made given up, and ends the thread. Safe to call twice.
  void stop();

 private:
  void run();

  const std::size_t waiting_max_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> queue_;
  bool stopping_ = false;
  Aside aside_;
  std::chrono::steady_clock::time_point aside_at_ = std::chrono::steady_clock::time_point::max();
  std::thread thread_;
};

}  // namespace mw::http
