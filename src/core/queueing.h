// Who waits, and in which order. A pending job that may be placed stands in exactly one line: the
// restarts, which go first, or the line of its class.
#pragma once

#include "core/state.h"

namespace mw {

/// The rules of the class that the job names; of the default one when the policy knows it no more.
const PriorityClass& class_rules(const State& state, const JobSpec& spec);

/// Gives a record its tenant and its class. Called once for each.
void classify(State& state, JobRecord& record);
/// Lets go of both, before the record goes.
void declassify(State& state, const JobRecord& record);
/// The class in whose line the job stands, or would.  REQUIRES: it is interned.
ClassId class_of(const State& state, const Job& job);

/// Puts a pending job in its line.  REQUIRES: eligible, not held, not in line.
void enqueue(State& state, Job& job);
/// Takes it out again.
void dequeue(State& state, Job& job);
/// Lets the job go before all others from now on, and stand in another line.
void boost(State& state, Job& job);

/// Notes when the attempt has to be stopped, if ever; and that it is being stopped.
void watch_deadline(State& state, const Attempt& attempt);
void unwatch_deadline(State& state, const Attempt& attempt);

/// Fills in what the policy says of the attempt.
void note_rules(const State& state, Attempt& attempt);
/// Counts the attempt among those that may be stopped for others, if it may be.
void count_preemptible(State& state, const Attempt& attempt, std::int64_t sign);

/// The last instant at which it may start and still end by its deadline; never() without one.
Instant last_start(const JobSpec& spec);
/// Enters into State::calendar and State::awaited what an unfinished record waits for.
void watch_record(State& state, JobId id);
/// Takes out what it waited for before it became eligible; `finished`: all the rest as well.
void unwatch_record(State& state, JobId id, bool finished);

/// How a dependency stands.
enum class Awaited : std::uint8_t { kOpen, kMet, kNever };
Awaited look_at(const State& state, const Dependency& dependency);

/// All derived fields of this kind, from the primary ones.
void rebuild_queue(State& state);

}  // namespace mw
