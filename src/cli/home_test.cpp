#include "cli/home.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>

namespace mw {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    char pattern[] = "/tmp/mw-home-test-XXXXXX";
    path_ = ::mkdtemp(pattern);
  }
  ~TemporaryFolder() { fs::remove_all(path_); }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

EnvironmentReader only(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
}

TEST(Home, TheFirstThatSaysAPlaceDecides) {
  EXPECT_EQ(*resolve_home("/a/b/", only({{"MILLWRIGHT_HOME", "/c"}, {"HOME", "/h"}})), "/a/b");
  EXPECT_EQ(*resolve_home("", only({{"MILLWRIGHT_HOME", "/c/../d"}, {"HOME", "/h"}})), "/d");
  EXPECT_EQ(*resolve_home("", only({{"XDG_STATE_HOME", "/s"}, {"HOME", "/h"}})), "/s/millwright");
  EXPECT_EQ(*resolve_home("", only({{"XDG_STATE_HOME", "relative"}, {"HOME", "/h"}})),
            "/h/.local/state/millwright");
  EXPECT_EQ(*resolve_home("here", only({})), fs::current_path() / "here");
  const auto none = resolve_home("", only({}));
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message, HasSubstr("--home DIR"));
}

TEST(Home, IsMadeForItsOwnerOnly) {
  const TemporaryFolder folder;
  const fs::path home = folder.path() / "deep" / "home";
  ASSERT_TRUE(make_home(home).ok());
  struct stat status {};
  ASSERT_EQ(::stat(home.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  ::chmod(home.c_str(), 0755);
  ASSERT_TRUE(make_home(home).ok());
  ASSERT_EQ(::stat(home.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);

  std::ofstream(folder.path() / "file") << "x";
  const auto refused = make_home(folder.path() / "file");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("not a folder"));
}

TEST(Home, SaysWhoHoldsTheLock) {
  const TemporaryFolder folder;
  EXPECT_FALSE(lock_holder(folder.path()).has_value());
  const fs::path file = folder.path() / "serve.lock";
  std::ofstream(file) << "4711\n";
  EXPECT_FALSE(lock_holder(folder.path()).has_value()) << "a file that nobody holds";
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::flock(descriptor, LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(lock_holder(folder.path()), 4711);
  std::ofstream(file) << "nonsense\n";
  EXPECT_EQ(lock_holder(folder.path()), 0);
  ::close(descriptor);
  EXPECT_FALSE(lock_holder(folder.path()).has_value());
}

TEST(Home, ReadsTheEndpoint) {
  const TemporaryFolder folder;
  EXPECT_FALSE(read_endpoint(folder.path()).has_value());
  std::ofstream(folder.path() / "endpoint") << "http://127.0.0.1:41234\r\n";
  EXPECT_EQ(read_endpoint(folder.path()), "http://127.0.0.1:41234");
  std::ofstream(folder.path() / "endpoint") << "\n";
  EXPECT_FALSE(read_endpoint(folder.path()).has_value());
}

}  // namespace
}  // namespace mw
