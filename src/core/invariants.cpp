#include "core/invariants.h"

#include <algorithm>

#include "core/allocation.h"
#include "core/fit.h"
#include "core/gang.h"
#include "core/health_check.h"
#include "core/reservations.h"
#include "core/resilience_check.h"

namespace mw {
namespace {

class Inspector {
 public:
  explicit Inspector(const State& state) : state_(state) {}

  std::vector<std::string> inspect() {
    ledger();
    nodes();
    power();
    jobs();
    holds();
    claims();
    reservations();
    tenants();
    indexes();
    inspect_health(state_, found_);
    inspect_resilience(state_, found_);
    return std::move(found_);
  }

 private:
  void expect(bool holds, const std::string& sentence) {
    if (!holds) found_.push_back(sentence);
  }

  void ledger() {
    expect(state_.ledger.balanced(), "the ledger's sums do not add up");
    ByCategory<AcceleratorShare> rates;
    AcceleratorShare capacity;
    ResourceAmounts fleet;
    for (const Node& node : state_.nodes) {
      const NodeShape& shape = state_.topology->shape(node.id);
      fleet += {kWholeAccelerator * shape.accelerators, shape.cpus, shape.memory};
      capacity += kWholeAccelerator * shape.accelerators;
      rates[free_category(state_, node)] += node.accelerators_free;
      if (node.others) rates[LedgerCategory::kUsedByOthers] += node.others->devices.sum();
    }
    for (const auto& [job, attempt] : state_.attempts) {
      rates[attempt.category] += attempt.accelerators;
    }
    for (const auto& [job, hold] : state_.holds) {
      rates[LedgerCategory::kHeld] += hold.accelerators;
    }
    expect(fleet == state_.capacity, "the fleet's capacity is not the sum of its nodes'");
    expect(capacity == state_.ledger.capacity(), "the ledger's capacity is not the fleet's");
    expect(rates == state_.ledger.rates(), "the ledger's rates are not what the fleet does");
  }

  /// No device is given twice: what is free and what is given out is what there is.
  void nodes() {
    for (const Node& node : state_.nodes) {
      const NodeShape& shape = state_.topology->shape(node.id);
      const std::string& name = state_.topology->name(node.id);
      std::vector<AcceleratorShare> used(shape.accelerators);
      CpuShare cpus;
      Bytes memory;
      std::uint32_t slices = 0;
      bool exclusive = false;
      const auto add = [&](JobId job, const Placement& placement) {
        for (const NodeSlice& slice : placement) {
          if (slice.node != node.id) continue;
          const GangShape& gang = group_at(spec_of(state_, job), slice.first_rank);
          ++slices;
          exclusive = exclusive || gang.exclusive;
          cpus += gang.task.cpus * slice.tasks;
          memory += gang.task.memory * slice.tasks;
          for (const DeviceShare& device : slice.devices) used.at(device.device) += device.share;
        }
      };
      for (const auto& [job, attempt] : state_.attempts) add(job, attempt.placement);
      for (const auto& [job, hold] : state_.holds) add(job, hold.placement);
      const std::uint32_t ours = slices;
      if (node.others) {
        ++slices;
        cpus += node.others->cpus;
        memory += node.others->memory;
        for (const DeviceShare& device : node.others->devices) {
          used.at(device.device) += device.share;
        }
      }
      expect(state_.others_short.contains(node.id) == (node.others && !node.others->whole()),
             "what others use of " + name + " is short, and that is not known");
      AcceleratorShare free;
      for (std::uint32_t i = 0; i < used.size(); ++i) {
        expect(used[i] <= kWholeAccelerator, "a device of " + name + " is given twice");
        expect(node.devices[i] == kWholeAccelerator - used[i],
               "what a device of " + name + " has free is wrong");
        free += kWholeAccelerator - used[i];
      }
      expect(free == node.accelerators_free, "accelerators_free of " + name);
      expect(node.cpus_free == shape.cpus - cpus, "cpus_free of " + name);
      expect(node.memory_free == shape.memory - memory, "memory_free of " + name);
      expect(node.slices == slices, "slices of " + name);
      expect(node.exclusive == exclusive, "exclusive of " + name);
      expect(!exclusive || ours == 1, "something shares " + name + " with an exclusive job");
    }
  }

  /// Nothing is drawn beyond any limit, whatever vertex of the power tree one looks at.
  void power() {
    const Topology& topology = *state_.topology;
    std::vector<Watts> draw(topology.power().size());
    std::vector<Watts> counted(topology.power().size());
    std::vector<bool> others(topology.power().size());  // draw what they like
    for (const Node& node : state_.nodes) {
      const NodeShape& shape = topology.shape(node.id);
      const AcceleratorShare used = kWholeAccelerator * shape.accelerators - node.accelerators_free;
      for (PowerId at = topology.power_of(node.id); at != kNoId<PowerId>;
           at = topology.power(at).parent) {
        draw[at.value()] += shape.idle + draw_of(shape, used);
        counted[at.value()] += shape.idle + node.draw;
        if (node.others) others[at.value()] = true;
      }
    }
    for (std::size_t i = 0; i < draw.size(); ++i) {
      const PowerVertex& vertex = topology.power()[i];
      expect(counted[i] == state_.free.room().draw[i], "the draw of " + vertex.name + " is wrong");
      expect(draw[i] <= counted[i], "less is counted than drawn at " + vertex.name);
      expect(draw[i] <= vertex.limit || draw[i] == vertex.idle || others[i],
             "more is drawn at " + vertex.name + " than may be");
    }
  }

  void jobs() {
    std::map<JobId, std::uint32_t> left;
    std::size_t finished = 0;
    state_.jobs.visit(JobId(), [&](const Job& job) {
      job_is_sound(job);
      ++left[job.record];
      finished += is_final(job.state) ? 1 : 0;
      return true;
    });
    expect(finished == state_.finished.size(), "the list of finished jobs is not what is finished");
    expect(left.size() == state_.records.size(), "a record without jobs, or jobs without record");
    for (const auto& [id, record] : state_.records) {
      expect(left[id] == record.jobs_left, "jobs_left of record " + std::to_string(id.value()));
    }
    expect(state_.attempts.empty() || state_.attempts.rbegin()->first < state_.next_job,
           "an attempt of a job that was never submitted");
  }

  void job_is_sound(const Job& job) {
    const std::string name = "job " + std::to_string(job.id.value());
    const auto attempt = state_.attempts.find(job.id);
    const bool active = job.state == JobState::kStarting || job.state == JobState::kRunning ||
                        job.state == JobState::kStopping;
    expect(active == (attempt != state_.attempts.end()), name + ": attempt and state disagree");
    if (attempt != state_.attempts.end()) attempt_is_whole(name, attempt->second);

    std::size_t lines = state_.restarts.count({job.not_before, job.id});
    const JobRecord& record = state_.records.at(job.record);
    for (const ClassId id : {record.job_class, record.boosted_class}) {
      if (id == kNoClass) continue;
      const auto& line = state_.classes.at(id).line;
      lines += static_cast<std::size_t>(std::count(line.begin(), line.end(), job.id));
    }
    const bool waits = job.state == JobState::kPending && !job.held && record.eligible;
    expect(job.in_line == waits, name + ": in_line");
    expect(lines == (waits ? 1 : 0), name + " stands in " + std::to_string(lines) + " lines");
  }

  /// All or nothing: an attempt's placement covers each rank exactly once.
  void attempt_is_whole(const std::string& name, const Attempt& attempt) {
    const JobSpec& spec = spec_of(state_, attempt.job);
    std::uint32_t next_rank = 0;
    for (const NodeSlice& slice : attempt.placement) {
      const GangShape& gang = group_at(spec, slice.first_rank);
      expect(slice.first_rank == next_rank, name + ": ranks have a gap");
      next_rank += slice.tasks;
      AcceleratorShare given;
      for (const DeviceShare& device : slice.devices) given += device.share;
      expect(given == gang.task.accelerators * slice.tasks, name + ": devices do not match tasks");
      expect(gang.nodes == 0 || slice.tasks == gang.tasks / gang.nodes, name + ": uneven nodes");
    }
    std::uint32_t wanted = 0;
    for_each_group(spec, [&](const GangShape& gang, std::uint32_t) { wanted += gang.tasks; });
    const bool elastic = spec.gang.tasks_min > 0;
    expect(
        next_rank == wanted || (elastic && next_rank < wanted && next_rank >= spec.gang.tasks_min),
        name + ": not all of the gang is placed");
    expect(spec.gang.nodes == 0 || elastic || !spec.groups.empty() ||
               attempt.placement.size() == spec.gang.nodes,
           name + ": number of nodes");
    const auto exited = std::count(attempt.exited.begin(), attempt.exited.end(), true);
    expect(static_cast<std::uint32_t>(exited) == attempt.exited_count, name + ": exited_count");
    expect(attempt.exited_count < next_rank, name + ": all tasks ended, and the attempt did not");
  }

  /// What is kept for jobs is kept on nodes that take work, for jobs that wait.
  void claims() {
    for (const auto& [id, claim] : state_.claims) {
      const std::string name = "the claim of job " + std::to_string(id.value());
      const Job& job = state_.jobs.at(id);
      expect(job.state == JobState::kPending && job.in_line, name + ": it does not wait");
      for (const ClaimedNode& each : claim.nodes) {
        const Node& node = state_.nodes.at(each.node.value());
        expect(node.claim.job == id, name + ": the node does not know");
        expect(node.phase == NodePhase::kReady && !node.lost, name + ": a node takes no work");
      }
      for (const JobId victim : claim.victims) {
        const auto attempt = state_.attempts.find(victim);
        expect(attempt != state_.attempts.end() && attempt->second.stopping.has_value(),
               name + ": a victim is not being stopped");
      }
    }
  }

  /// Whoever is on a node that is set aside is of the reservation, or has to be gone by its start;
  /// but for what ran there before it was made by force, and what a deleted one let go on. Nothing
  /// is kept there beyond the start.
  void reservations() {
    expect(state_.view == View(), "placement still looks for one job alone");
    std::vector<bool> hidden(state_.nodes.size());
    std::vector<bool> reserved(state_.nodes.size());
    for (const auto& [name, reservation] : state_.reservations) {
      const Instant start = reservation.spec.start;
      const bool sorted = std::is_sorted(reservation.nodes.begin(), reservation.nodes.end());
      expect(sorted, "the nodes of reservation " + name + " are not in order");
      std::vector<bool> has(state_.nodes.size());
      for (const NodeId node : reservation.nodes) {
        has[node.value()] = hidden[node.value()] = true;
        if (reservation.begun) reserved[node.value()] = true;
      }
      for (const auto& [job, attempt] : state_.attempts) {
        const JobSpec& spec = spec_of(state_, job);
        if (spec.reservation == name) {
          expect(expected_end(spec, attempt.placed_at) <= reservation.spec.end() ||
                     spec.time_limit.count() == 0,
                 "an attempt outlasts its reservation " + name);
          continue;
        }
        const bool before = reservation.spec.force && attempt.placed_at <= reservation.made_at;
        // It had to be gone by the end of its own, which was deleted: it goes on, as was promised.
        // One with a time limit would have ended by then of itself.
        const bool let_go_on = spec.reservation && spec.time_limit.count() == 0 &&
                               reservation_of(state_, spec) == nullptr;
        // One that was being stopped had to be gone by then as well.
        if (before || let_go_on || attempt.stopping || ends_by(spec, attempt, start)) continue;
        for (const NodeSlice& slice : attempt.placement) {
          expect(!has[slice.node.value()],
                 "job " + std::to_string(job.value()) + " is in the way of reservation " + name);
        }
      }
      for (const auto& [job, hold] : state_.holds) {
        if (!reservation.begun || spec_of(state_, job).reservation == name) continue;
        for (const NodeSlice& slice : hold.placement) {
          expect(!has[slice.node.value()], "capacity is held in reservation " + name);
        }
      }
      for (const auto& [other, each] : state_.reservations) {
        if (other <= name || each.spec.end() <= start ||
            reservation.spec.end() <= each.spec.start) {
          continue;
        }
        for (const NodeId node : each.nodes) {
          expect(!has[node.value()], "reservations " + name + " and " + other + " share a node");
        }
      }
    }
    for (const Node& node : state_.nodes) {
      const std::string& node_name = state_.topology->name(node.id);
      expect(node.hidden == hidden[node.id.value()], "hidden of " + node_name);
      expect(node.reserved == reserved[node.id.value()], "reserved of " + node_name);
    }
    for (const auto& [job, claim] : state_.claims) {
      expect(keeps_clear(state_, spec_of(state_, job), claim.nodes, std::max(state_.now, claim.at)),
             "the claim of job " + std::to_string(job.value()) + " is in a reservation's way");
    }
  }
  /// Of itself, or because its own reservation ends.
  bool ends_by(const JobSpec& spec, const Attempt& attempt, Instant start) const {
    const Reservation* own = reservation_of(state_, spec);
    const Instant end = expected_end(spec, attempt.placed_at);
    return (own == nullptr ? end : std::min(end, own->spec.end())) <= start;
  }

  /// Nobody uses more than their policy lets them, unless it has changed meanwhile.
  void tenants() {
    std::map<TenantId, ResourceAmounts> use;
    const auto add = [&](JobId job, const Placement& placement) {
      const JobRecord& record = record_of(state_, job);
      for (const TenantId each : state_.tenants.at(record.tenant).path) {
        use[each] += use_of(*record.spec, placement);
      }
    };
    for (const auto& [job, attempt] : state_.attempts) add(job, attempt.placement);
    for (const auto& [job, hold] : state_.holds) add(job, hold.placement);
    for (std::uint32_t i = 0; i < state_.tenants.all().size(); ++i) {
      const Tenant& tenant = state_.tenants.at(TenantId(i));
      expect(tenant.in_use == use[TenantId(i)], "what tenant " + tenant.name + " uses is wrong");
    }
  }

  void holds() {
    for (const auto& [id, hold] : state_.holds) {
      const Job& job = state_.jobs.at(id);
      expect(job.state == JobState::kPending && !job.held && job.first_in_line,
             "capacity is held for job " + std::to_string(id.value()) + ", which will not use it");
      for (const NodeSlice& slice : hold.placement) {
        const Node& node = state_.nodes.at(slice.node.value());
        expect(node.phase == NodePhase::kReady && !node.lost,
               "capacity is held on " + state_.topology->name(node.id) + ", which takes no work");
      }
    }
  }

  void indexes() {
    State rebuilt = state_;
    rebuild_indexes(rebuilt);
    expect(rebuilt == state_, "the derived fields are not what the primary ones give");
  }

  const State& state_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> broken_invariants(const State& state) {
  return Inspector(state).inspect();
}

}  // namespace mw
