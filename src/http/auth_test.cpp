// Secrets on disk, tokens of attempts, and who is let in.
#include "http/auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <thread>

#include "http/api.h"
#include "http/routes.h"

namespace mw::http {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class SecretTest : public ::testing::Test {
 protected:
  SecretTest() {
    std::string name = (fs::temp_directory_path() / "mw-auth-XXXXXX").string();
    MW_CHECK(::mkdtemp(name.data()) != nullptr);
    folder = name;
    file = folder / "token";
  }
  ~SecretTest() override { fs::remove_all(folder); }
  void write(const std::string& text, mode_t mode) {
    std::ofstream(file) << text;
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
  }
  ErrorCode refusal() {
    const auto secret = load_or_make_secret(file);
    EXPECT_FALSE(secret.ok());
    if (secret.ok()) return ErrorCode::kInternal;
    EXPECT_THAT(secret.error().message, HasSubstr(file.string()));
    return secret.error().code;
  }
  fs::path folder;
  fs::path file;
};

TEST_F(SecretTest, IsMadeOnceAndKept) {
  const auto first = load_or_make_secret(file);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->size(), 64U);
  EXPECT_EQ(*load_or_make_secret(file), *first);
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_NE(*load_or_make_secret(folder / "key"), *first) << "another file has another secret";
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) files += entry.is_regular_file() ? 1 : 0;
  EXPECT_EQ(files, 2U) << "nothing is left over";
}

TEST_F(SecretTest, IsTheSameForAllWhoStartAtOnce) {
  std::vector<std::string> secrets(16);
  std::vector<std::thread> threads;
  for (std::string& secret : secrets) {
    threads.emplace_back([&] {
      if (auto made = load_or_make_secret(file)) secret = *made;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(secrets.begin(), secrets.end()).size(), 1U);
  EXPECT_EQ(secrets[0].size(), 64U);
}

TEST_F(SecretTest, IsRefusedWhenOthersCouldRead) {
  const std::string secret(40, 'x');
  for (const mode_t mode : {0644U, 0640U, 0604U, 0620U, 0666U, 0610U}) {
    write(secret, mode);
    EXPECT_EQ(refusal(), ErrorCode::kForbidden) << std::oct << mode;
  }
  write(secret + "\n", 0400);
  EXPECT_EQ(*load_or_make_secret(file), secret);
}

TEST_F(SecretTest, IsRefusedWhenItIsNone) {
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string(31, 'x'), std::string(1025, 'x'),
        std::string(40, 'x') + "\nmore", std::string(20, 'x') + " " + std::string(20, 'x'),
        std::string(40, '\xff')}) {
    write(text, 0600);
    EXPECT_EQ(refusal(), ErrorCode::kInvalid) << text.size();
  }
}

TEST_F(SecretTest, IsRefusedWhereItIsNotAPlainFile) {
  fs::create_symlink(folder / "elsewhere", file);
  EXPECT_EQ(refusal(), ErrorCode::kForbidden);
  fs::remove(file);
  fs::create_directory(file);
  EXPECT_EQ(refusal(), ErrorCode::kForbidden);
  fs::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(refusal(), ErrorCode::kForbidden) << "and does not wait for a writer";
  file = folder / "missing" / "token";
  EXPECT_EQ(refusal(), ErrorCode::kUnavailable);
}

TEST(UserTokens, SpeakForOneUserAndCannotBeMadeWithoutTheKey) {
  const UserTokens users("a key");
  const std::string token = *users.make("ada");
  EXPECT_EQ(users.check(token), "ada");
  std::string other = token;
  other.replace(other.find("ada"), 3, "bob");
  for (const std::string& forged :
       {other, token + "0", token.substr(0, token.size() - 1), std::string("mwu1.ada."),
        std::string("mwu1."), *UserTokens("another key").make("ada"),
        AttemptTokens("a key").make(JobId(1), AttemptNumber(1))}) {
    EXPECT_EQ(users.check(forged), std::nullopt) << forged;
  }
  EXPECT_EQ(users.check(*users.make("ada.lovelace")), "ada.lovelace");
  for (const char* name : {"", ".a", "-x", "a b", "a\nb"}) {
    EXPECT_FALSE(users.make(name).ok()) << name;
  }
}

TEST(UserTokens, AreForLookingAndForJobsOfOnesOwn) {
  const Router router(all_routes(nullptr));
  const UserTokens users("a key");
  const AttemptTokens tokens("a key");
  std::size_t allowed = 0;
  for (const Route& route : router.routes()) {
    SCOPED_TRACE(route.operation);
    Request request;
    request.route = &route;
    request.headers = {{"authorization", "Bearer " + *users.make("ada")}};
    const auto refusal = check_caller("the token of the owner", tokens, users, request);
    const bool changes = route.method != Method::kGet;
    if (route.access == Access::kOpen) continue;
    const bool expected = route.access == Access::kToken && (!changes || route.for_users);
    EXPECT_EQ(!refusal.has_value(), expected);
    EXPECT_EQ(request.caller.user, expected ? "ada" : "");
    allowed += changes && !refusal ? 1 : 0;
  }
  EXPECT_EQ(allowed, 6U) << "submit, batch, cancel, hold, release and requeue";
}

TEST(AttemptTokens, AreForOneAttemptAndOneKey) {
  const AttemptTokens tokens("a key");
  const std::string token = tokens.make(JobId(17), AttemptNumber(3));
  // HMAC-SHA256("a key", "attempt:17:3"), computed with another program.
  EXPECT_EQ(token, "mwa1.17.3.422dd18ced6ae6e84ef43dcaa2b14b22ee8807c507271c47911effc6a2713095");
  EXPECT_EQ(tokens.check(token), (AttemptTokens::Claim{JobId(17), AttemptNumber(3)}));
  EXPECT_EQ(AttemptTokens("another key").check(token), std::nullopt);

  const std::string signature = token.substr(token.rfind('.') + 1);
  for (const std::string& forged :
       {std::string(), std::string("mwa1."), std::string("mwa1.17.3"), std::string("mwa1.17.3."),
        "mwa1.17.4." + signature, "mwa1.18.3." + signature, "mwa1.017.3." + signature,
        "mwa1.+17.3." + signature, "mwa1. 17.3." + signature, "mwa1.-17.3." + signature,
        "mwa1.17.3.3." + signature, "mwa2.17.3." + signature, token + "0", token + "\n",
        "mwa1.17.4294967299." + signature, "mwa1.1.73." + signature,
        token.substr(0, token.size() - 1)}) {
    EXPECT_EQ(tokens.check(forged), std::nullopt) << forged;
  }
}

TEST(Auth, ComparesWhole) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
  EXPECT_FALSE(equal_in_constant_time("", "a"));
}

TEST(Auth, KnowsTheNamesOfThisMachine) {
  for (const char* host : {"localhost", "LocalHost", "127.0.0.1", "127.8.9.10", "::1"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host :
       {"", "example.org", "127.0.0.1.example.org", "localhost.", "localhost.evil", "0.0.0.0",
        "10.0.0.1", "127.0.0", "127.1", "2130706433", "::", "::ffff:127.0.0.1"}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
  EXPECT_EQ(host_without_port("127.0.0.1:80"), "127.0.0.1");
  EXPECT_EQ(host_without_port("[::1]:80"), "::1");
  EXPECT_EQ(host_without_port("[::1]"), "::1");
  EXPECT_EQ(host_without_port("localhost"), "localhost");
}

TEST(Auth, OnlyOurNamesAndPagesMayAsk) {
  struct Case {
    Fields headers;
    bool http_1_0;
    int status;  ///< 0: let in
  };
  const Case cases[] = {
      {{{"host", "127.0.0.1:1234"}}, false, 0},
      {{{"host", "localhost"}}, false, 0},
      {{{"host", "[::1]:1"}}, false, 0},
      {{{"host", "mill.example.org:80"}}, false, 0},
      {{{"host", "evil.example.org"}}, false, 403},
      {{{"host", "127.0.0.1.nip.io:1234"}}, false, 403},
      {{}, false, 400},
      {{}, true, 0},
      {{{"host", "127.0.0.1"}, {"host", "127.0.0.1"}}, false, 400},
      {{{"host", "127.0.0.1:1234"}, {"origin", "http://127.0.0.1:1234"}}, false, 0},
      {{{"host", "127.0.0.1:1234"}, {"origin", "http://127.0.0.1:3000"}}, false, 403},
      {{{"host", "127.0.0.1:1234"}, {"origin", "https://127.0.0.1:1234"}}, false, 403},
      {{{"host", "127.0.0.1:1234"}, {"origin", "http://evil.example.org"}}, false, 403},
      {{{"host", "127.0.0.1:1234"}, {"origin", "null"}}, false, 403},
      {{{"host", "127.0.0.1:1234"}, {"origin", ""}}, false, 403},
      {{{"origin", "http://"}}, true, 403},
  };
  for (const Case& c : cases) {
    Request request;
    request.headers = c.headers;
    request.is_http_1_0 = c.http_1_0;
    std::string trace;
    for (const auto& [name, value] : c.headers) trace += name + ": " + value + "; ";
    SCOPED_TRACE(trace);
    const auto refusal = check_names({"mill.example.org"}, request);
    EXPECT_EQ(refusal ? refusal->status : 0, c.status);
  }
}

TEST(Auth, EveryRouteAsksForItsToken) {
  const Router router(all_routes(nullptr));
  const AttemptTokens tokens("a key");
  const std::string api = "the token of the api, long enough";
  const UserTokens users("a key");
  const std::string attempt = tokens.make(JobId(1), AttemptNumber(2));
  struct Case {
    std::string header;
    int open, with_token, report;  ///< status by access; 0: let in
  };
  const Case cases[] = {
      {"", 0, 401, 401},
      {"Bearer " + api, 0, 0, 0},
      {"bearer " + api, 0, 0, 0},
      {"BEARER " + api, 0, 0, 0},
      {"Bearer  " + api, 0, 401, 401},
      {"Bearer " + api + "x", 0, 401, 401},
      {"Bearer " + api.substr(1), 0, 401, 401},
      {"Bearer ", 0, 401, 401},
      {"Bearer", 0, 401, 401},
      {"Basic " + api, 0, 401, 401},
      {api, 0, 401, 401},
      {"Bearer " + attempt, 0, 403, 0},
      {"Bearer " + attempt + "0", 0, 401, 401},
  };
  for (const Route& route : router.routes()) {
    for (const Case& c : cases) {
      SCOPED_TRACE(std::string(route.operation) + " with " + c.header);
      Request request;
      request.route = &route;
      if (!c.header.empty()) request.headers = {{"authorization", c.header}};
      const auto refusal = check_caller(api, tokens, users, request);
      const int expected = route.access == Access::kOpen    ? c.open
                           : route.access == Access::kToken ? c.with_token
                                                            : c.report;
      EXPECT_EQ(refusal ? refusal->status : 0, expected);
      if (refusal) {
        EXPECT_THAT(refusal->body, ::testing::Not(HasSubstr(api.substr(0, 10))));
        EXPECT_THAT(refusal->body, ::testing::Not(HasSubstr(attempt)));
      }
      const bool is_job =
          !refusal && route.access == Access::kReport && c.header == "Bearer " + attempt;
      EXPECT_EQ(request.caller.job, is_job ? JobId(1) : JobId());
      EXPECT_EQ(request.caller.attempt, is_job ? AttemptNumber(2) : AttemptNumber());
    }
  }
  Request twice;
  twice.route = &router.routes().front();
  twice.headers = {{"authorization", "Bearer " + api}, {"authorization", "Bearer " + api}};
  EXPECT_TRUE(check_caller(api, tokens, users, twice).has_value());
}

}  // namespace
}  // namespace mw::http
