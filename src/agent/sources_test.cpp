// The sources over a fake root: files as sysfs and procfs have them, read twice and more.
#include "agent/sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/agent_test_support.h"

namespace mw::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// "code kind count part", of conditions only those that hold or did.
std::vector<std::string> texts(const std::vector<Sighting>& seen) {
  std::vector<std::string> all;
  for (const Sighting& one : seen) {
    const std::string kind = one.kind == SightingKind::kHappened ? " x"
                             : one.kind == SightingKind::kBegins ? " begins "
                                                                 : " ends ";
    all.push_back(one.code + kind +
                  (one.kind == SightingKind::kHappened ? std::to_string(one.count) : one.part) +
                  (one.pci.empty() ? "" : " of " + one.pci));
  }
  return all;
}

class SourcesTest : public ::testing::Test {
 protected:
  std::vector<std::string> look(Source& source) {
    std::vector<Sighting> seen;
    source.look(root_.folder(), state_, seen);
    return texts(seen);
  }
  FakeRoot root_;
  AgentState state_;
};

TEST_F(SourcesTest, MemoryErrorsAreRises) {
  MemoryErrors source;
  EXPECT_THAT(look(source), IsEmpty());
  root_.write("/sys/devices/system/edac/mc/mc0/ce_count", "12\n");
  root_.write("/sys/devices/system/edac/mc/mc0/ue_count", "0\n");
  root_.write("/sys/devices/system/edac/mc/power/ue_count", "5\n");
  EXPECT_THAT(look(source), IsEmpty());  // the base
  root_.write("/sys/devices/system/edac/mc/mc0/ce_count", "15\n");
  root_.write("/sys/devices/system/edac/mc/mc0/ue_count", "1\n");
  EXPECT_THAT(look(source),
              ElementsAre("host.memory.uncorrectable x1", "host.memory.correctable x3"));
  EXPECT_THAT(look(source), IsEmpty());
  root_.write("/sys/devices/system/edac/mc/mc0/ce_count", "2\n");  // after a boot
  EXPECT_THAT(look(source), ElementsAre("host.memory.correctable x2"));
  for (const char* damaged : {"", "x", "-4", "99999999999999999999999", "3 4"}) {
    root_.write("/sys/devices/system/edac/mc/mc0/ce_count", damaged);
    EXPECT_THAT(look(source), IsEmpty()) << damaged;
  }
}

TEST_F(SourcesTest, PortsOfTheNetwork) {
  NetworkPorts source;
  const std::string port = "/sys/class/infiniband/mlx5_0/ports/1";
  root_.write(port + "/link_layer", "InfiniBand\n");
  root_.write(port + "/state", "1: DOWN\n");
  root_.write(port + "/counters/symbol_error", "4");
  root_.write(port + "/counters/link_downed", "1");
  EXPECT_THAT(look(source), IsEmpty());  // never up: not used
  root_.write(port + "/state", "4: ACTIVE\n");
  EXPECT_THAT(look(source), ElementsAre("net.ib.down ends mlx5_0/1"));
  root_.write(port + "/state", "1: DOWN\n");
  root_.write(port + "/counters/symbol_error", "9");
  root_.write(port + "/counters/link_downed", "2");
  EXPECT_THAT(look(source),
              ElementsAre("net.ib.flap x1", "net.ib.errors x5", "net.ib.down begins mlx5_0/1"));
  root_.write(port + "/state", "2: INIT\n");
  EXPECT_THAT(look(source), IsEmpty());  // on its way
  root_.write(port + "/link_layer", "Ethernet\n");
  root_.write(port + "/state", "1: DOWN\n");
  root_.write(port + "/counters/link_downed", "5");
  root_.write(port + "/hw_counters/local_ack_timeout_err", "10");
  EXPECT_THAT(look(source), ElementsAre("net.roce.flap x3", "net.roce.down begins mlx5_0/1"));
  root_.write(port + "/counters/symbol_error", "90");  // not of RoCE
  root_.write(port + "/hw_counters/local_ack_timeout_err", "12");
  EXPECT_THAT(look(source), ElementsAre("net.roce.errors x2", "net.roce.down begins mlx5_0/1"));
}

TEST_F(SourcesTest, CountersOfAmdByBlock) {
  AmdErrors source;
  const std::string ras = "/sys/bus/pci/devices/0000:c1:00.0/ras";
  root_.write(ras + "/umc_err_count", "ue: 0\nce: 2\n");
  root_.write(ras + "/features", "feature mask: 0x1\n");
  EXPECT_THAT(look(source), IsEmpty());
  root_.write(ras + "/umc_err_count", "ue: 1\nce: 6\n");
  EXPECT_THAT(look(source), ElementsAre("amd.ras.uncorrectable x1 of 0000:c1:00.0",
                                        "amd.ras.correctable x4 of 0000:c1:00.0"));
}

TEST_F(SourcesTest, TemperaturesWithARoomBetweenHotAndCool) {
  Temperatures source;
  const std::string sensor = "/sys/class/hwmon/hwmon3";
  root_.write(sensor + "/name", "coretemp\n");
  root_.write(sensor + "/temp1_crit", "100000\n");
  root_.write(sensor + "/temp2_input", "999000\n");  // no limit, and not believed
  const auto at = [&](const char* milli) {
    root_.write(sensor + "/temp1_input", milli);
    std::vector<Sighting> seen;
    source.look(root_.folder(), state_, seen);
    for (const Sighting& one : seen) {
      if (one.kind == SightingKind::kBegins) state_.conditions.emplace(condition_key(one), true);
      if (one.kind == SightingKind::kEnds) state_.conditions.erase(condition_key(one));
    }
    return texts(seen);
  };
  EXPECT_THAT(at("99000"), ElementsAre("thermal.cpu ends hwmon3/temp1"));
  EXPECT_THAT(at("100000"), ElementsAre("thermal.cpu begins hwmon3/temp1"));
  EXPECT_THAT(at("96000"), ElementsAre("thermal.cpu begins hwmon3/temp1"));
  EXPECT_THAT(at("94999"), ElementsAre("thermal.cpu ends hwmon3/temp1"));
  EXPECT_THAT(at("300000"), IsEmpty());
  root_.write("/sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n");
  root_.write("/sys/class/thermal/thermal_zone0/temp", "106000\n");
  root_.write("/sys/class/thermal/thermal_zone0/trip_point_0_type", "passive\n");
  root_.write("/sys/class/thermal/thermal_zone0/trip_point_0_temp", "0\n");
  root_.write("/sys/class/thermal/thermal_zone0/trip_point_1_type", "critical\n");
  root_.write("/sys/class/thermal/thermal_zone0/trip_point_1_temp", "105000\n");
  EXPECT_THAT(at("300000"), ElementsAre("thermal.cpu begins thermal_zone0"));
}

TEST_F(SourcesTest, DisksThatAreFullOrReadOnly) {
  std::optional<std::uint32_t> free = 500;
  Disks source([&](const std::filesystem::path&) { return free; });
  root_.write("/proc/self/mounts",
              "proc /proc proc rw 0 0\n"
              "/dev/sda1 / ext4 rw,relatime 0 0\n"
              "/dev/sda1 /etc/hosts ext4 rw 0 0\n"
              "/dev/sdb1 /my\\040data xfs ro 0 0\n"
              "/dev/sdc1 /media iso9660 ro 0 0\n");
  EXPECT_THAT(look(source), ElementsAre("host.disk.readonly ends /", "host.disk.full ends /",
                                        "host.disk.readonly ends /my data"));
  free = 19;
  root_.write("/proc/self/mounts",
              "/dev/sda1 / ext4 rw,relatime 0 0\n/dev/sdb1 /my\\040data xfs ro,shutdown 0 0\n");
  EXPECT_THAT(look(source), ElementsAre("host.disk.readonly ends /", "host.disk.full begins /",
                                        "host.disk.readonly begins /my data"));
  root_.write("/proc/self/mounts", "/dev/sda1 / ext4 ro,relatime 0 0\ndamaged\n\n");
  EXPECT_THAT(look(source), ElementsAre("host.disk.readonly begins /"));
  const auto real = Disks::free_space("/");
  ASSERT_TRUE(real.has_value());
  EXPECT_LE(*real, 1000U);
}

TEST_F(SourcesTest, AcceleratorsKeepTheirNumbersWhileOneIsMissing) {
  root_.accelerator("0000:3b:00.0");
  root_.accelerator("0000:5e:00.0");
  root_.accelerator("0000:00:02.0", "0x8086", "0x030000");  // a console
  Accelerators source(std::nullopt);
  EXPECT_THAT(look(source), ElementsAre("nvidia.gpu.missing ends pci"));
  EXPECT_THAT(state_.accelerators, ElementsAre("0000:3b:00.0", "0000:5e:00.0"));
  root_.remove("/sys/bus/pci/devices/0000:3b:00.0");
  EXPECT_THAT(look(source), ElementsAre("nvidia.gpu.missing begins pci"));
  EXPECT_EQ(device_of(state_, "0000:5e:00.0"), 1U);
  EXPECT_EQ(device_of(state_, "0000:3b:00.0"), 0U);
  EXPECT_EQ(device_of(state_, ""), std::nullopt);
  root_.remove("/sys/bus/pci/devices/0000:5e:00.0");
  EXPECT_THAT(look(source), ElementsAre("nvidia.gpu.missing begins pci"));
  root_.accelerator("0000:86:00.0", "0x1002", "0x120000");
  Accelerators two(2);
  EXPECT_THAT(look(two),
              ElementsAre("amd.gpu.missing begins pci", "host.driver.missing begins pci"));
}

TEST(ClockSkew, IsToldOfWhatASecondCannotExplain) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784'111'777);
  for (const char* none : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET",
                           "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 ovD 1994 08:49:37 GMT",
                           "Sun, 6  Nov 1994 08:49:37 GMT"}) {
    EXPECT_EQ(parse_http_date(none), std::nullopt) << none;
  }
  AgentState state;
  const auto kind = [&](std::int64_t sent, std::int64_t received) {
    return clock_skew(state, 1000, Instant() + seconds(sent), Instant() + seconds(received)).kind;
  };
  using enum SightingKind;
  EXPECT_EQ(kind(1000, 1000), kEnds);
  EXPECT_EQ(kind(1005, 1006), kEnds);
  EXPECT_EQ(kind(1006, 1007), kBegins);
  EXPECT_EQ(kind(994, 995), kBegins);
  EXPECT_EQ(kind(990, 1100), kEnds);  // a slow answer is no skew
  state.conditions["host.clock.skew  clock"] = true;
  EXPECT_EQ(kind(1005, 1006), kBegins);
  EXPECT_EQ(kind(1003, 1004), kEnds);
}

}  // namespace
}  // namespace mw::agent
