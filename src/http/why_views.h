// Why jobs wait, for people: what is in one job's way, and what the whole queue waits for.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "core/state.h"

namespace mw::http {

/// {"jobs":[..],"by_ns":..|null,"claims":[..],"nodes":[..],"text":".."}: the fewest things found
/// whose end would let the job start.  REQUIRES: the job is pending.
boost::json::object blockers_view(const State& state, JobId job, Instant now);

/// {"waiting":..,"reasons":[{"kind":..,"text":..,"jobs":..,"accelerators_milli":..,"example":..}]}:
/// what those in line were last told, the reason for which most accelerators wait first.
boost::json::object queue_reasons_view(const State& state, Instant now);

}  // namespace mw::http
