// How the steps of a running job live, over real sockets and without processes: the test is the
// seat and the srun at their other ends.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <map>
#include <utility>
#include <vector>

#include "cli/json_view.h"
#include "codec/json.h"
#include "slurm_face/hub.h"

namespace mw::face {
namespace {

/// Both ends of a connection.
std::pair<PacketSocket, PacketSocket> connected() {
  std::array<int, 2> ends{-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {PacketSocket(OpenFile(ends[0])), PacketSocket(OpenFile(ends[1]))};
}

/// A request of srun for one task on one CPU.
Packet one_task() {
  StepRequest request;
  request.command = {"true"};
  std::string text;
  append_json(text, request);
  Packet packet;
  packet.files.push_back(file_of(text));
  for (int i = 0; i < 3; ++i) packet.files.emplace_back(::open("/dev/null", O_RDWR | O_CLOEXEC));
  return packet;
}

TEST(Steps, WaitOneAfterTheOtherAlsoWhenTheirSeatIsGone) {
  JobFacts facts;
  JobNode& node = facts.nodes.emplace_back();
  node.name = "n1";
  node.seats = {0};
  node.cpus = node.cpus_free = 1;
  std::map<std::uint32_t, PacketSocket> seats;
  auto [hub_of_seat, seat] = connected();
  seats.emplace(0, std::move(hub_of_seat));
  std::map<int, PacketSocket> clients;
  auto [hub_of_srun, srun] = connected();
  const int fd = hub_of_srun.get();
  PacketSocket& client = clients.emplace(fd, std::move(hub_of_srun)).first->second;
  const FaceJob job;
  Steps steps(job, facts, seats, clients);
  for (int i = 0; i < 3; ++i) steps.ask(client, one_task());
  seat = PacketSocket();
  // The second one starts now, and cannot: nothing but a tick will ever tell.
  steps.task_ended(0, 0, 0, 0);
  // So does the third one, within the tick.
  EXPECT_EQ(steps.tick(0), 0);
  EXPECT_EQ(steps.tick(0), -1);
  std::vector<std::int64_t> exits;
  clients.clear();
  while (const auto packet = srun.receive()) {
    const JsonView body(packet->body);
    if (body["op"].text() == "ended") exits.push_back(body["exit"].integer(-1));
  }
  EXPECT_THAT(exits, testing::ElementsAre(0, 1, 1));
}

}  // namespace
}  // namespace mw::face
