// Memory: what is written is what is read, and how fast it moves.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include "checks/host.h"

namespace mw::checks {
namespace {

constexpr const char* kName = "memory";
constexpr int kRounds = 5;
using Word = std::uint64_t;

/// A word that depends on where it stands, so that lines that are mixed up show as well.
Word pattern(std::size_t index, Word turn) {
  Word z = (index + 1) * 0x9E3779B97F4A7C15U;
  z ^= z >> 29U;
  return z ^ turn;
}

/// Calls part(begin, end) for as many parts of [0, count) as there are processors, at once.
template <class Part>
void in_parts(std::size_t count, Part part) {
  const std::size_t parts = processors();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < parts; ++i) {
    threads.emplace_back([=] { part(count * i / parts, count * (i + 1) / parts); });
  }
  for (std::thread& each : threads) each.join();
}

}  // namespace

Report check_memory(Bytes size) {
  const std::size_t words = std::max<std::size_t>(
      static_cast<std::size_t>(size.count()) / sizeof(Word), 2 * processors());
  const std::unique_ptr<Word[]> memory(new (std::nothrow) Word[words]);
  if (!memory) return unable(kName, fmt::format("there are no {} bytes to be had", size.count()));
  Word* data = memory.get();
  std::atomic<std::uint64_t> wrong = 0;
  std::atomic<std::size_t> wrong_at = 0;
  for (const Word turn : {Word{0}, ~Word{0}}) {
    in_parts(words, [=](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) data[i] = pattern(i, turn);
    });
    in_parts(words, [=, &wrong, &wrong_at](std::size_t begin, std::size_t end) {
      const volatile Word* seen = data;
      for (std::size_t i = begin; i < end; ++i) {
        if (seen[i] == pattern(i, turn)) continue;
        ++wrong;
        wrong_at = i;
      }
    });
  }
  if (wrong > 0) {
    return failed(kName,
                  fmt::format("{} of {} words are not what was written, the last one {} MiB "
                              "into the memory",
                              wrong.load(), 2 * words, wrong_at.load() * sizeof(Word) >> 20U));
  }
  const std::size_t half = words / 2;
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Stopwatch watch;
    in_parts(half, [=](std::size_t begin, std::size_t end) {
      std::memcpy(data + half + begin, data + begin, (end - begin) * sizeof(Word));
    });
    best = std::max(best, 2.0 * static_cast<double>(half * sizeof(Word)) / watch.seconds());
  }
  Report report{kName};
  report.measures = {{"memory.copy", rate(best, 1.0), "B/s", BetterValue::kHigher}};
  return report;
}

}  // namespace mw::checks
