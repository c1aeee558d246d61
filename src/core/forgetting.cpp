#include "core/forgetting.h"

#include "core/queueing.h"

namespace mw {

void forget_oldest(State& state) {
  const JobId oldest = state.finished.front();
  state.finished.pop_front();
  state.records.read_ahead(state.finished[kFinishedReadAhead]);
  const JobId record_id = state.jobs.at(oldest).record;
  state.jobs.erase(oldest);
  forget_crashes(state, oldest);
  JobRecord& record = state.records.change(record_id);
  if (--record.jobs_left > 0) return;
  if (!record.client_key.empty()) state.job_by_key.erase(record.client_key);
  declassify(state, record);
  state.records.erase(record_id);
}

}  // namespace mw
