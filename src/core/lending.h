// What is kept for gangs that lose a node is not idle for ever: jobs that may be stopped at any
// time run on spares until they are needed, and nodes kept for a gang go to whoever could have had
// that gang stopped. Nothing is changed here; who asks for it is in giving_back.cpp.
#pragma once

#include <vector>

#include "core/state.h"

namespace mw {

/// The job may run on spares, which stay spares meanwhile: the policy lends them to its class, and
/// it can be stopped for others.
bool may_borrow(const State& state, const JobSpec& spec);

/// Attempts that run on spares, by job, also those that are being stopped.
/// Cost: O(nodes of all attempts), where spares are lent.
std::vector<JobId> borrowers(const State& state);

/// A gang has lost a node and waits for another, so that nothing is lent just now.
bool someone_waits_for_spares(const State& state);
/// The job starts again because of what happened below it.
bool lost_a_node(const Job& job);

/// Gangs for which nodes are kept, and which the job could have had stopped while they ran: lower
/// classes first, then the smaller.
std::vector<JobId> kept_below(const State& state, JobId job);

}  // namespace mw
