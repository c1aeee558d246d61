// The steps of a running job; a part of hub.h.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <set>
#include <utility>

#include "cli/json_view.h"
#include "codec/json.h"
#include "slurm_face/hub.h"
#include "slurm_face/processes.h"

namespace mw::face {
namespace {

constexpr std::size_t kRequestBytesMax = std::size_t{16} << 20;

}  // namespace

void Steps::tell(const Step& step, const boost::json::object& body) const {
  const auto client = clients_.find(step.client);
  if (client != clients_.end()) client->second.post(body);
}

void Steps::ask(PacketSocket& client, Packet packet) {
  const auto refuse = [&](const std::string& why) {
    client.post({{"op", "error"}, {"message", why}});
  };
  if (packet.files.size() < 4) return refuse("the request lacks its files");
  const auto text = text_of(packet.files[0]);
  const auto tree =
      parse_json(text.value_or(""), {.bytes_max = kRequestBytesMax, .any_bytes = true});
  auto request = tree ? from_json<StepRequest>(*tree) : Result<StepRequest>(tree.error());
  if (!request) return refuse(request.error().message);
  Step step;
  step.request = std::move(*request);
  step.client = client.get();
  step.files = std::move(packet.files);
  auto plan = plan_step(facts_.nodes, step.request);
  if (!plan) return refuse(plan.error().message);
  step.number = next_number_++;
  if (!*plan) {
    tell(step, {{"op", "waiting"}, {"step", step.number}});
  } else {
    step.plan = std::move(**plan);
    launch(step);
  }
  steps_.push_back(std::move(step));
}

void Steps::try_start(Step& step) {
  auto plan = plan_step(facts_.nodes, step.request);
  if (!plan || !*plan) return;
  step.plan = std::move(**plan);
  launch(step);
}

void Steps::share_output(Step& step, const FileNameFacts& facts, std::string& pattern,
                         std::size_t index) const {
  if (pattern.empty() || differs_by_task(pattern)) return;
  const auto opened = open_output(expand_file_name(pattern, facts), !step.request.append);
  if (!opened) {
    tell(step, {{"op", "warning"}, {"message", opened.error().message}});
  } else {
    step.files[index] = OpenFile(*opened);
  }
  pattern.clear();
}

FileNameFacts Steps::task_file_names(const Step& step, FileNameFacts facts,
                                     std::uint32_t task) const {
  const TaskPlace& place = step.plan.tasks[task];
  facts.task = task;
  facts.node = place.step_node;
  facts.host = facts_.nodes[place.node].name;
  return facts;
}

void Steps::empty_outputs(const Step& step, const FileNameFacts& facts, const std::string& output,
                          const std::string& error) const {
  if (step.request.append) return;
  std::set<std::string> names;
  for (std::uint32_t task = 0; task < step.plan.tasks.size(); ++task) {
    const FileNameFacts own = task_file_names(step, facts, task);
    for (const std::string* pattern : {&output, &error}) {
      if (!pattern->empty()) names.insert(expand_file_name(*pattern, own));
    }
  }
  for (const std::string& name : names) {
    // A task that cannot open its file says so itself.
    if (const auto opened = open_output(name, true)) ::close(*opened);
  }
}

void Steps::launch(Step& step) {
  Variables all;
  put_all(all, step.request.environment);
  const Variables given = all;
  // Slurm knows no RANK: who has set it in the script means it.
  const auto leave = [&given](const std::string& name) {
    return !name.starts_with("SLURM") && !name.starts_with("MILLWRIGHT_") && given.contains(name);
  };
  for (const auto& [name, value] :
       step_variables(job_, facts_, step.request, step.plan, step.number)) {
    if (!leave(name)) all[name] = value;
  }
  StepRequest order = step.request;
  order.environment = assignments_of(all);
  std::string text;
  append_json(text, order);
  const OpenFile file = file_of(text);
  step.running = true;
  step.left = static_cast<std::uint32_t>(step.plan.tasks.size());
  step.ended.assign(step.plan.tasks.size(), false);
  const OpenFile nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  FileNameFacts facts = file_name_facts(job_, facts_);
  facts.step = step.number;
  // A file that all tasks write to is opened once, and each gets the same.
  std::string output = step.request.output;
  std::string error = step.request.error;
  const mode_t own_mask = ::umask(static_cast<mode_t>(step.request.umask));
  share_output(step, facts, output, 2);
  share_output(step, facts, error, 3);
  empty_outputs(step, facts, output, error);
  ::umask(own_mask);
  // One packet a seat, however many tasks there are: the kernel bounds open files on their way.
  std::map<std::uint32_t, boost::json::array> by_seat;
  for (std::uint32_t task = 0; task < step.plan.tasks.size(); ++task) {
    const FileNameFacts names = task_file_names(step, facts, task);
    Variables variables = task_variables(facts_, step.plan, task);
    std::erase_if(variables, [&](const auto& one) { return leave(one.first); });
    const auto own = assignments_of(variables);
    by_seat[step.plan.tasks[task].seat].push_back(
        boost::json::object{{"task", task},
                            {"own", boost::json::array(own.begin(), own.end())},
                            {"input", expand_file_name(step.request.input, names)},
                            {"output", expand_file_name(output, names)},
                            {"error", expand_file_name(error, names)}});
  }
  for (const auto& [seat, tasks] : by_seat) {
    const OpenFile list = file_of(boost::json::serialize(tasks));
    const bool sent = seats_.at(seat).post({{"op", "launch"}, {"step", step.number}},
                                           {file.get(), step.files[1].get(), step.files[2].get(),
                                            step.files[3].get(), nothing.get(), list.get()});
    for (std::uint32_t task = 0; !sent && task < step.plan.tasks.size(); ++task) {
      if (step.plan.tasks[task].seat == seat) unsent_.emplace_back(step.number, task);
    }
  }
  // The tasks have them now; a hub of many steps has no descriptors to spare.
  step.files.clear();
  tell(step, {{"op", "started"}, {"step", step.number}});
}

void Steps::client_gone(int client) {
  for (std::size_t i = steps_.size(); i-- > 0;) {
    Step& step = steps_[i];
    if (step.client != client) continue;
    step.client = -1;
    if (!step.running) {
      steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      send_signal(step, SIGKILL);
    }
  }
}

void Steps::send_signal(const Step& step, int signal) {
  if (!step.running) return;
  for (auto& [rank, seat] : seats_) {
    seat.post({{"op", "signal"}, {"step", step.number}, {"signal", signal}});
  }
}

void Steps::signal_of_client(int client, int signal) {
  constexpr std::array kEnds = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGKILL};
  const bool ends = std::ranges::find(kEnds, signal) != kEnds.end();
  std::erase_if(steps_, [&](const Step& step) {
    if (step.client != client || step.running || !ends) return false;
    // Nothing of it runs that could end by the signal.
    tell(step, {{"op", "ended"}, {"exit", 128 + signal}});
    return true;
  });
  for (const Step& step : steps_) {
    if (step.client == client) send_signal(step, signal);
  }
}

void Steps::signal_all(int signal) {
  for (const Step& step : steps_) send_signal(step, signal);
}

void Steps::task_ended(std::uint32_t number, std::uint32_t task, int status, std::int64_t now_ms) {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    if (step.number != number || !step.running || task >= step.ended.size()) continue;
    if (step.ended[task]) return;
    step.ended[task] = true;
    --step.left;
    const int code = exit_code_of(status);
    step.exit_code = std::max(step.exit_code, code);
    if (code != 0) {
      tell(step, {{"op", "failed"},
                  {"task", task},
                  {"node", facts_.nodes[step.plan.tasks[task].node].name},
                  {"status", status}});
    }
    if (step.left == 0) {
      finish(i);
    } else if (code != 0 && step.request.kill_on_bad_exit && !step.killed) {
      step.killed = true;
      send_signal(step, SIGKILL);
    } else if (step.kill_at_ms == 0 && step.request.wait_after_first.count() > 0) {
      step.kill_at_ms = now_ms + step.request.wait_after_first.count() / milliseconds(1).count();
    }
    return;
  }
}

void Steps::finish(std::size_t index) {
  Step step = std::move(steps_[index]);
  steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(index));
  give_back(facts_.nodes, step.plan);
  tell(step, {{"op", "ended"}, {"exit", step.exit_code}});
  for (Step& waiting : steps_) {
    if (!waiting.running) try_start(waiting);
  }
}

std::int64_t Steps::tick(std::int64_t now_ms) {
  for (const auto& [step, task] : std::exchange(unsent_, {})) {
    constexpr int kExitedWithOne = 1 << 8;
    task_ended(step, task, kExitedWithOne, now_ms);
  }
  std::int64_t next = -1;
  for (Step& step : steps_) {
    if (step.kill_at_ms == 0 || step.killed) continue;
    if (step.kill_at_ms <= now_ms) {
      step.killed = true;
      send_signal(step, SIGKILL);
    } else {
      next = next < 0 ? step.kill_at_ms - now_ms : std::min(next, step.kill_at_ms - now_ms);
    }
  }
  // A step that started in place of one that could not may not have been able to, either.
  return unsent_.empty() ? next : 0;
}

}  // namespace mw::face
