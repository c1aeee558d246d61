// A state in pieces of any size reads back as it was; what is not a state is refused.
#include "journal/sqlite/state_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/json_test_values.h"
#include "loop/recovery_test_history.h"

namespace mw::sqlite {
namespace {

using ::testing::HasSubstr;

template <class T>
void fill_field(Random& random, T& field) {
  test_values::fill(random, field);
}
void fill_field(Random& random, JobTable<Job>& jobs) {
  for (std::uint64_t n = random.below(5); n > 0; --n) {
    Job job;
    test_values::fill(random, job);
    const JobId id = job.id;
    if (jobs.find(id) == nullptr) jobs.insert(id, std::move(job));
  }
}
template <class V>
void fill_field(Random& random, JobMap<V>& map) {
  std::map<JobId, V> values;
  test_values::fill(random, values);
  for (auto& [id, value] : values) map.insert(id, std::move(value));
}

std::vector<std::string> pieces_of(const State& state, std::size_t bytes) {
  std::vector<std::string> pieces;
  write_state(state, bytes, [&](const std::string& piece) {
    pieces.push_back(piece);
    return true;
  });
  return pieces;
}

TEST(StateJson, AnyStateInPiecesOfAnySizeReadsBackTheSame) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    State state;
    visit_fields(state, [&](std::string_view, auto& field) { fill_field(random, field); });
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{2000}, ~std::size_t{0}}) {
      StateReader reader;
      const auto pieces = pieces_of(state, bytes);
      if (bytes == 1) {
        EXPECT_GE(pieces.size(), 6U) << "each scalar and each element ends a piece";
      } else if (bytes > 2000) {
        EXPECT_EQ(pieces.size(), 1U);
      }
      for (const std::string& piece : pieces) {
        const Result<void> added = reader.add(piece);
        ASSERT_TRUE(added.ok()) << added.error().message << "\n" << piece;
      }
      ASSERT_TRUE(reader.so_far() == state);
    }
  }
}

TEST(StateJson, ARealStateComesBackWithItsIndexes) {
  testing::History history(1);
  for (int i = 0; i < 200; ++i) history.next();
  StateReader reader;
  for (const std::string& piece : pieces_of(history.state(), 5000))
    ASSERT_TRUE(reader.add(piece).ok());
  const auto state = reader.finish();
  ASSERT_TRUE(state.ok()) << state.error().message;
  EXPECT_EQ(*state, history.state());
}

TEST(StateJson, AWriterCanBeStopped) {
  testing::History history(1);
  for (int i = 0; i < 50; ++i) history.next();
  int pieces = 0;
  write_state(history.state(), 1, [&](const std::string&) { return ++pieces < 3; });
  EXPECT_EQ(pieces, 3);
}

std::string fault_in(const std::vector<std::string>& pieces) {
  StateReader reader;
  for (const std::string& piece : pieces) {
    if (const Result<void> added = reader.add(piece); !added) return added.error().message;
  }
  const auto state = reader.finish();
  return state.ok() ? "" : state.error().message;
}

TEST(StateJson, RefusesWhatIsNotAState) {
  testing::History history(2);
  while (history.state().attempts.empty()) history.next();
  const std::string good = pieces_of(history.state(), ~std::size_t{0}).at(0);
  ASSERT_EQ(fault_in({good}), "");
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string changed = good;
    const auto at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return changed.replace(at, from.size(), to);
  };
  EXPECT_THAT(fault_in({}), HasSubstr("the field \"last_seq\" is missing"));
  EXPECT_THAT(fault_in({"[]"}), HasSubstr("not an object"));
  EXPECT_THAT(fault_in({"{\"x\":1}"}), HasSubstr("no field \"x\""));
  EXPECT_THAT(fault_in({good, "{\"now_ns\":1}"}), HasSubstr("now_ns: is there twice"));
  EXPECT_THAT(fault_in({good, good}), HasSubstr("last_seq: is there twice"));
  EXPECT_THAT(fault_in({replaced("\"last_seq\":", "\"last_seq\":-")}),
              HasSubstr("last_seq: expected an integer"));
  EXPECT_THAT(fault_in({replaced("\"now_ns\":", "\"now\":")}), HasSubstr("no field \"now\""));
  for (const std::string& piece : pieces_of(history.state(), 1)) {
    if (piece.find(R"("jobs":[{)") == std::string::npos) continue;
    EXPECT_THAT(fault_in({good, piece}), HasSubstr("jobs: job 1 is there twice"));
    return;
  }
  FAIL() << "no piece holds a job";
}

TEST(StateJson, RefusesWhatRefersToNothing) {
  testing::History history(2);
  while (history.state().attempts.empty()) history.next();
  const State good = history.state();
  const auto fault = [](const State& state) { return fault_in(pieces_of(state, ~std::size_t{0})); };
  ASSERT_EQ(fault(good), "");
  State state = good;
  state.records.clear();
  EXPECT_THAT(fault(state), HasSubstr("has no record"));
  state = good;
  state.nodes.clear();
  EXPECT_THAT(fault(state), HasSubstr("nodes, and 0 are in the state"));
  state.fleet.described.clear();
  EXPECT_THAT(fault(state), HasSubstr("is on a node that is not there"));
  state = good;
  for (DescribedNode& node : state.fleet.described) node.spec.accelerators = 0;
  EXPECT_THAT(fault(state), HasSubstr("is on a device that is not there"));
  state = good;
  state.nodes[0].id = NodeId(5);
  EXPECT_THAT(fault(state), HasSubstr("nodes[0] has another id"));
  state = good;
  state.fleet.described[0].node = NodeId(7);
  EXPECT_THAT(fault(state), HasSubstr("node 7 is unsound"));
  state = good;
  state.fleet.declared = FleetSpec{.name = "f", .shapes = {}, .sites = {}};
  state.fleet.declared->sites.emplace_back().blocks.emplace_back().shape = "no-such";
  EXPECT_THAT(fault(state), HasSubstr("there is no shape no-such"));
  state = good;
  state.finished.push_back(JobId(999'999));
  EXPECT_THAT(fault(state), HasSubstr("finished job 999999 is not there"));
  state = good;
  Attempt stray;
  stray.job = JobId(999'999);
  state.attempts.emplace(stray.job, stray);
  EXPECT_THAT(fault(state), HasSubstr("an attempt of job 999999, which is not there"));
}

TEST(StateJson, JobsAndSpecificationsReadBackTheSame) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Random random(seed);
    Job job;
    JobSpec spec;
    test_values::fill(random, job);
    test_values::fill(random, spec);
    ASSERT_EQ(*parse_job_row(job_row(job)), job) << seed;
    ASSERT_EQ(*parse_spec_row(spec_row(spec)), spec) << seed;
  }
}

}  // namespace
}  // namespace mw::sqlite
