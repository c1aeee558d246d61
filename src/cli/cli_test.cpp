// The verbs, run whole against a control plane that answers what the test says.
#include "cli/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "cli/cli_test_support.h"
#include "cli/json_view.h"

namespace mw {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct ArgumentCase {
  std::vector<std::string> arguments;
  std::string message;
};
TEST(Arguments, MistakesAreNamedAndExitWithTwo) {
  const ArgumentCase cases[] = {
      {{"jbos"}, "unknown command \"jbos\"; did you mean \"jobs\"? If not, see \"mw --help\""},
      {{"xyzzy"}, "unknown command \"xyzzy\"; see \"mw --help\""},
      {{"job", "shwo", "3"},
       "unknown command \"shwo\"; did you mean \"show\"? If not, see \"mw job --help\""},
      {{"jobs", "--stat", "x"},
       "unknown option \"--stat\"; did you mean \"--state\"? If not, see \"mw jobs --help\""},
      {{"jobs", "extra"}, "unknown argument \"extra\"; see \"mw jobs --help\""},
      {{"job"},
       "\"mw job\" needs a command: show, why, when, logs, cancel, hold, release, requeue; see "
       "\"mw job "
       "--help\""},
      {{"job", "show"}, "JOB is required; see \"mw job show --help\""},
      {{"job", "show", "abc"},
       "expected a job's number such as 17, or 17[3] for an element of an array, found \"abc\""},
      {{"job", "show", "17[x]"},
       "expected a job's number such as 17, or 17[3] for an element of an array, found \"17[x]\""},
      {{"job", "show", "0"},
       "expected a job's number such as 17, or 17[3] for an element of an array, found \"0\""},
      {{"completion", "fish"}, "SHELL: fish not in {bash,zsh}; see \"mw completion --help\""},
      {{"jobs", "--", "x"}, "only \"mw submit\" takes a command behind --"},
      {{"jobs", "--watch"},
       "--watch needs a terminal; for programs there is \"mw events -f --json\""},
      {{"submit"},
       "nothing to submit: give a job file, \"-\" for standard input, or a command behind --"},
      {{"submit", "--"}, "no command is given behind --"},
      {{"submit", "--env", "A", "--", "x"}, "--env: expected NAME=VALUE, found \"A\""},
      {{"submit", "--tasks", "two", "--", "x"},
       "--tasks: expected a whole number from 1 to 1000000, found \"two\""},
      {{"report"}, "nothing to report; give --step, --loss, --checkpoint or another figure"},
      {{"report", "--checkpoint", "x"},
       "--checkpoint needs --checkpoint-step (or --step): from which step is it?"},
      {{"report", "--checkpoint-step", "3"},
       "--checkpoint-step needs --checkpoint PATH: where is it?"},
      {{"report", "--step", "3", "--job", "5"}, "--job and --attempt go together"},
      {{"serve", "--node", "a"},
       "--node: expected two to five parts, found \"a\"; the form is "
       "NAME:ACCELERATORS[:TYPE[:CPUS[:MEMORY]]], such as a:8 or a:8:H100:64:512GiB"},
      {{"up", "--wait", "soon"},
       "--wait: expected a length of time such as 90s, 10m, 2h, 1d or 1h30m, at least 1ms, at most "
       "1h, found \"soon\""},
  };
  const ScopedVariable home("MILLWRIGHT_HOME", "/tmp/mw-cli-test-none");
  for (const ArgumentCase& c : cases) {
    const Ran ran = run_mw(c.arguments);
    EXPECT_EQ(ran.code, 2) << c.message;
    EXPECT_EQ(ran.err, "mw: error: " + c.message + "\n");
    EXPECT_EQ(ran.out, "");
  }
}

TEST(Arguments, WithoutAnyThereIsAFriendlyWord) {
  const Ran ran = run_mw({});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr("mw submit"));
  EXPECT_EQ(run_mw({"version"}).out, "mw 1.2.3\n");
  EXPECT_EQ(run_mw({"--version"}).out, "mw 1.2.3\n");
  EXPECT_EQ(run_mw({"version", "--json"}).out, "{\n  \"version\": \"1.2.3\"\n}\n");
  EXPECT_THAT(run_mw({"job", "logs", "--help"}).out, HasSubstr("usage: mw job logs [OPTIONS] JOB"));
}

TEST(DeclaredNode, IsReadFromItsParts) {
  EXPECT_EQ(*parse_declared_node("a:8"), (DeclaredNode{"a", 8, "", std::nullopt, std::nullopt}));
  EXPECT_EQ(*parse_declared_node("a:8:H100:64:512GiB"),
            (DeclaredNode{"a", 8, "H100", CpuShare(64'000), Bytes(512LL << 30)}));
  EXPECT_EQ(*parse_declared_node("a:0:::1GiB"),
            (DeclaredNode{"a", 0, "", std::nullopt, Bytes(1LL << 30)}));
  for (const char* text :
       {"", "a", ":8", "a b:8", "a:-1", "a:x", "a:8:t:x", "a:8:t:1:lots", "a:8:t:1:1GiB:more"}) {
    EXPECT_FALSE(parse_declared_node(text).ok()) << text;
  }
}

void expect_refused(const std::string& home, const std::vector<std::string>& arguments,
                    const CliHooks& hooks, const char* message) {
  std::vector<std::string> all = {"serve", "--home", home};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const Ran ran = run_mw(all, hooks);
  EXPECT_NE(ran.code, 0);
  EXPECT_THAT(ran.err, HasSubstr(message));
}

TEST(Serve, HandsItsOptionsOn) {
  ServeOptions seen;
  CliHooks hooks = hooks_of_nothing();
  hooks.serve = [&](const ServeOptions& options) {
    seen = options;
    return 42;
  };
  const FakeControlPlane plane;  // for its folder
  const Ran ran = run_mw({"serve", "--home", plane.home().string(), "--port", "8080", "--node",
                          "a:8:H100", "--node", "b:4", "--log-level", "debug"},
                         hooks);
  EXPECT_EQ(ran.code, 42) << ran.err;
  EXPECT_EQ(seen.home, plane.home());
  EXPECT_EQ(seen.port, 8080);
  EXPECT_EQ(seen.listen, "") << "what it is then depends on the home";
  EXPECT_EQ(seen.log_level, "debug");
  ASSERT_EQ(seen.nodes.size(), 2U);
  EXPECT_EQ(seen.nodes[1], (DeclaredNode{"b", 4, "", std::nullopt, std::nullopt}));
  EXPECT_EQ(
      run_mw({"serve", "--home", plane.home().string(), "--node", "a:8", "--node", "a:4"}, hooks)
          .err,
      "mw: error: --node: the name \"a\" is given twice\n");
}

TEST(Serve, TakesAFleetForASimulatedEngineOnly) {
  FakeControlPlane plane;
  ServeOptions got;
  CliHooks hooks = hooks_of_nothing();
  hooks.serve = [&](const ServeOptions& options) {
    got = options;
    return 0;
  };
  const std::string home = plane.home().string();
  EXPECT_EQ(run_mw({"serve", "--home", home, "--engine", "simulated", "--fleet", "dgx-pod",
                    "--simulated-run", "5m"},
                   hooks)
                .code,
            0);
  EXPECT_EQ(got.engine, EngineKind::kSimulated);
  ASSERT_TRUE(got.fleet.has_value());
  EXPECT_EQ(got.fleet->name, "dgx-pod");
  EXPECT_EQ(got.simulated_run, minutes(5));
  for (const auto& [arguments, message] :
       std::initializer_list<std::pair<std::vector<std::string>, const char*>>{
           {{"--fleet", "dgx-pod"}, "--fleet is for \"--engine simulated\""},
           {{"--engine", "local", "--simulated-run", "1s"}, "--simulated-run is for"},
           {{"--engine", "simulated", "--fleet", "dgx-pod", "--node", "a:1"},
            "either --fleet or --node"},
           {{"--engine", "simulated", "--simulated-run", "soon"}, "--simulated-run: expected"},
           {{"--engine", "simulated", "--fleet", "no-such"}, "no-such"}}) {
    expect_refused(home, arguments, hooks, message);
  }
}

TEST(Serve, TakesAClusterForSlurmOnly) {
  FakeControlPlane plane;
  ServeOptions got;
  CliHooks hooks = hooks_of_nothing();
  hooks.serve = [&](const ServeOptions& options) {
    got = options;
    return 0;
  };
  const std::string home = plane.home().string();
  EXPECT_EQ(run_mw({"serve", "--home", home, "--slurm", "unix:/s", "--slurm-partition", "a",
                    "--slurm-partition", "b", "--slurm-user", "slurm"},
                   hooks)
                .code,
            0);
  EXPECT_EQ(got.engine, EngineKind::kSlurm);
  EXPECT_EQ(got.slurm, (SlurmChoice{"unix:/s", "slurm", "", "", {"a", "b"}}));
  for (const auto& [arguments, message] :
       std::initializer_list<std::pair<std::vector<std::string>, const char*>>{
           {{"--engine", "local", "--slurm", "unix:/s"}, "and not for \"--engine local\""},
           {{"--slurm", "unix:/s", "--node", "a:1"}, "--node: a Slurm cluster says itself"},
           {{"--slurm", "unix:/s", "--slurm-topology", "/none"}, "there is no file \"/none\""}}) {
    expect_refused(home, arguments, hooks, message);
  }
}

TEST(Token, IsMadeForAUserOfThisHome) {
  FakeControlPlane plane;
  CliHooks hooks = hooks_of_nothing();
  hooks.user_token = [](const std::filesystem::path&, const std::string& user) {
    return Result<std::string>("token of " + user);
  };
  const std::string home = plane.home().string();
  EXPECT_EQ(run_mw({"--home", home, "token", "ada"}, hooks).out, "token of ada\n");
  EXPECT_THAT(run_mw({"--home", home, "--json", "token", "ada"}, hooks).out,
              HasSubstr("\"user\": \"ada\""));
}

TEST(Nodes, AreGatheredPageByPage) {
  FakeControlPlane plane;
  plane.on("GET /v1/nodes", [](const FakeRequest& request) {
    const bool first = request.query.find("from=0") != std::string::npos;
    return FakeResponse{.body = first ? R"({"nodes":[{"name":"n0"}],"count":2,"next":1})"
                                      : R"({"nodes":[{"name":"n1"}],"count":2,"next":null})"};
  });
  const Ran ran = run_mw(plane, {"nodes", "--json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  const boost::json::value all = boost::json::parse(ran.out);
  ASSERT_EQ(JsonView(all)["nodes"].list().size(), 2U);
  EXPECT_THAT(run_mw(plane, {"nodes"}).out, HasSubstr("n1"));
}

TEST(Fleet, IsDeclaredWithEverythingFilledIn) {
  FakeControlPlane plane;
  plane.on("PUT /v1/fleet",
           R"({"fleet":"dgx-pod","nodes":127,"accelerators":1016,"repeated":false})");
  const Ran ran = run_mw(plane, {"fleet", "declare", "dgx-pod"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "Fleet dgx-pod is declared: 127 nodes, 1016 accelerators.\n");
  ASSERT_EQ(plane.asked().size(), 1U);
  EXPECT_THAT(plane.asked()[0].body, HasSubstr("\"name\":\"dgx-pod\""));
}

TEST(Submit, SendsWhatTheFileAndTheOptionsSay) {
  FakeControlPlane plane;
  plane.on("POST /v1/jobs", [](const FakeRequest&) {
    return FakeResponse{.status = 201,
                        .body = R"({"job":17,"count":1,"name":"b","repeated":false})"};
  });
  std::ofstream(plane.home() / "job.yaml")
      << "name: a\ncommand: [x, y]\ntasks: 2\nworkdir: sub\nenvironment: {A: old, B: kept}\n";
  const Ran ran = run_mw(plane, {"submit", (plane.home() / "job.yaml").string(), "--name", "b",
                                 "--priority", "-3", "--env", "A=new", "--hold", "--key", "k1"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "Submitted job 17 (b).\n");
  ASSERT_EQ(plane.asked().size(), 1U);
  const FakeRequest sent = plane.asked()[0];
  EXPECT_THAT(sent.head, HasSubstr("Authorization: Bearer secret\r\n"));
  EXPECT_THAT(sent.head, HasSubstr("Idempotency-Key: k1\r\n"));
  const boost::json::value body = boost::json::parse(sent.body);
  const JsonView view(body);
  EXPECT_EQ(view["name"].text(), "b");
  EXPECT_EQ(view["tasks"].integer(), 2);
  EXPECT_EQ(view["priority"].integer(), -3);
  EXPECT_TRUE(view["hold"].flag());
  EXPECT_EQ(view["workdir"].text(), (plane.home() / "sub").string());
  EXPECT_EQ(view["environment"]["A"].text(), "new");
  EXPECT_EQ(view["environment"]["B"].text(), "kept");
}

TEST(Submit, OptionsThatRepeatAreLists) {
  FakeControlPlane plane;
  plane.on("POST /v1/jobs", R"({"job":18,"count":1,"name":"x","repeated":false})");
  const Ran ran = run_mw(plane, {"submit",
                                 "--tasks",
                                 "8",
                                 "--tasks-min",
                                 "4",
                                 "--priority-class",
                                 "high",
                                 "--not-before",
                                 "2026-12-01T09:00:00+01:00",
                                 "--deadline",
                                 "2026-12-02T08:00:00Z",
                                 "--after",
                                 "12",
                                 "--after",
                                 "afterany:13",
                                 "--site",
                                 "oslo",
                                 "--site",
                                 "dallas",
                                 "--jurisdiction",
                                 "NO",
                                 "--",
                                 "x"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  ASSERT_EQ(plane.asked().size(), 1U);
  for (const char* part :
       {R"("tasks_min":4)", R"("priority_class":"high")", R"("not_before":"2026-12-01T08:00:00Z")",
        R"("deadline":"2026-12-02T08:00:00Z")", R"("after":[{"afterok":12},{"afterany":13}])",
        R"("where":{"sites":["oslo","dallas"],"jurisdictions":["NO"]})"}) {
    EXPECT_THAT(plane.asked()[0].body, HasSubstr(part));
  }
  EXPECT_EQ(run_mw(plane, {"submit", "--after", "twelve", "--", "x"}).err,
            "mw: error: --after: expected the number of a job, such as 12, found \"twelve\"\n");
}

TEST(Submit, SeveralJobsGoInOneRequest) {
  FakeControlPlane plane;
  plane.on("POST /v1/jobs/batch",
           R"({"jobs":[{"job":5,"count":1,"name":"a","repeated":false},
                       {"error":{"code":"conflict","message":"No."}},
                       {"job":6,"count":2,"name":"c","repeated":false}],"refused":1})");
  std::ofstream(plane.home() / "two.yaml") << "name: a\ncommand: [x]\n---\nname: b\ncommand: [y]\n";
  std::ofstream(plane.home() / "one.yaml") << "name: c\ncommand: [z]\narray: 2\n";
  const Ran ran = run_mw(plane, {"submit", (plane.home() / "two.yaml").string(),
                                 (plane.home() / "one.yaml").string(), "--key", "k"});
  EXPECT_EQ(ran.code, 4) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("Submitted job 5 (a).\n"));
  EXPECT_THAT(ran.out, HasSubstr("(c)"));
  EXPECT_EQ(ran.err, "mw: error: b: No.\n");
  ASSERT_EQ(plane.asked().size(), 1U);
  const boost::json::value body = boost::json::parse(plane.asked()[0].body);
  ASSERT_EQ(JsonView(body)["jobs"].list().size(), 3U);
  EXPECT_EQ(JsonView(JsonView(body)["jobs"].list()[1])["name"].text(), "b");
  EXPECT_EQ(boost::json::serialize(*JsonView(body)["keys"].raw()), R"(["k/0","k/1","k/2"])");
}

TEST(Submit, ManyJobsTakeAsFewRequestsAsTheyFitInto) {
  FakeControlPlane plane;
  plane.on("POST /v1/jobs/batch", [](const FakeRequest& request) {
    const boost::json::value body = boost::json::parse(request.body);
    boost::json::array answers;
    for (std::size_t i = 0; i < JsonView(body)["jobs"].list().size(); ++i)
      answers.push_back({{"job", i + 1}, {"count", 1}, {"name", "a"}, {"repeated", false}});
    return FakeResponse{
        .body = boost::json::serialize(boost::json::object{{"jobs", answers}, {"refused", 0}})};
  });
  std::ofstream file(plane.home() / "many.yaml");
  for (int i = 0; i < 600; ++i) file << (i > 0 ? "---\n" : "") << "name: a\ncommand: [x]\n";
  file.close();
  const std::string many = (plane.home() / "many.yaml").string();
  const Ran ran = run_mw(plane, {"submit", many, many, "--dry-run", "--json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  ASSERT_EQ(plane.asked().size(), 2U);
  const boost::json::value first = boost::json::parse(plane.asked()[0].body);
  EXPECT_EQ(JsonView(first)["jobs"].list().size(), 1000U);
  const boost::json::value all = boost::json::parse(ran.out);
  EXPECT_EQ(JsonView(all)["jobs"].list().size(), 1200U);
}

TEST(Submit, ACommandNeedsNoFile) {
  FakeControlPlane plane;
  plane.on("POST /v1/jobs", R"({"job":null,"count":1,"name":"echo","repeated":false})");
  const Ran ran = run_mw(plane, {"submit", "--dry-run", "--", "/bin/echo", "--hello", "--"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("The job \"echo\" is good"));
  const FakeRequest sent = plane.asked()[0];
  EXPECT_EQ(sent.query, "dry_run=1");
  EXPECT_THAT(sent.head, HasSubstr("Idempotency-Key: mw-submit-"));
  EXPECT_THAT(sent.body, HasSubstr(R"("command":["/bin/echo","--hello","--"])"));
}

TEST(Submit, ABadFileIsToldHereWithItsName) {
  FakeControlPlane plane;
  const std::string file = (plane.home() / "job.yaml").string();
  std::ofstream(file) << "name: a\ncomand: [x]\n";
  const Ran ran = run_mw(plane, {"submit", file});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("mw: error: " + file +
                                 ":2:1: unknown key \"comand\"; did you mean \"command\"?"));
  EXPECT_TRUE(plane.asked().empty());
  const Ran missing = run_mw(plane, {"submit", "/no/such.yaml"});
  EXPECT_EQ(missing.code, 3);
  EXPECT_THAT(missing.err, HasSubstr("/no/such.yaml"));
}

TEST(Submit, WaitingGivesTheJobsOutcomeAsExitStatus) {
  for (const bool good : {true, false}) {
    FakeControlPlane plane;
    const std::string state = good ? "succeeded" : "failed";
    plane.on("POST /v1/jobs", R"({"job":17,"count":1,"name":"x","repeated":false})");
    plane.on("GET /v1/events", [&](const FakeRequest&) {
      return FakeResponse{
          .body = "data: {\"seq\":3,\"kind\":\"job_finished\",\"job\":17,\"state\":\"" + state +
                  "\"}\n\n",
          .headers = "Content-Type: text/event-stream\r\n",
          .until_close = true};
    });
    plane.on("GET /v1/jobs/17", R"({"id":17,"name":"x","array_count":1,"state":")" + state + "\"}");
    const Ran ran = run_mw(plane, {"submit", "--wait", "--", "x"});
    EXPECT_EQ(ran.code, good ? 0 : 1) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("Job 17 (x) " + state));
  }
}

TEST(Jobs, FiltersGoToTheServerAndJsonComesAsItIs) {
  FakeControlPlane plane;
  plane.on("GET /v1/jobs", R"({"jobs":[],"next":null,"loss":2.50})");
  const Ran ran = run_mw(plane, {"jobs", "--state", "pending,running", "--tenant", "a b", "--all",
                                 "--limit", "5", "--before", "9", "--json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(plane.asked()[0].query, "limit=5&state=pending%2Crunning&tenant=a%20b&all=1&before=9");
  EXPECT_EQ(ran.out, "{\n  \"jobs\": [],\n  \"next\": null,\n  \"loss\": 2.50\n}\n");
}

TEST(Jobs, WhatTheServerRefusesHasItsCode) {
  FakeControlPlane plane;
  plane.on("GET /v1/jobs", [](const FakeRequest&) {
    return FakeResponse{
        .status = 400,
        .body = R"({"error":{"code":"invalid","message":"no state \"x\"\nand more"}})"};
  });
  const Ran ran = run_mw(plane, {"jobs", "--state", "x"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, "mw: error: no state \"x\"\nmw: error: and more\n");
}

TEST(Jobs, WithoutAControlPlaneTheHomeIsNamed) {
  const Ran never = run_mw({"--home", "/tmp/mw-cli-test-none", "jobs"});
  EXPECT_EQ(never.code, 7);
  EXPECT_THAT(never.err, HasSubstr("/tmp/mw-cli-test-none; start one with \"mw up\""));
  std::filesystem::path home;
  {
    FakeControlPlane plane;
    home = plane.home();
  }
  FakeControlPlane other;  // its folder, with the endpoint of nobody
  std::ofstream(other.home() / "endpoint") << "http://127.0.0.1:1\n";
  const Ran gone = run_mw(other, {"jobs"});
  EXPECT_EQ(gone.code, 7);
  EXPECT_THAT(gone.err, HasSubstr("mw up"));
  EXPECT_THAT(gone.err, Not(HasSubstr("secret")));
}

TEST(Job, AnElementIsFoundByItsIndex) {
  FakeControlPlane plane;
  plane.on("GET /v1/jobs/20",
           R"({"id":20,"name":"s","record":17,"array_index":3,"array_count":5,"state":"pending"})");
  plane.on("GET /v1/jobs/20/why", R"({"job":20,"state":"pending","text":"No room."})");
  const Ran why = run_mw(plane, {"job", "why", "17[3]"});
  EXPECT_EQ(why.out, "Job 17[3] is pending. No room.\n") << why.err;
  const Ran wrong = run_mw(plane, {"job", "why", "16[4]"});
  EXPECT_EQ(wrong.code, 3);
  EXPECT_EQ(wrong.err,
            "mw: error: there is no job 16[4]: no array that begins at 16 has an element 4\n");
}

TEST(Job, TheNumberOfAnArrayMeansAllOfIt) {
  FakeControlPlane plane;
  plane.on("GET /v1/jobs/17",
           R"({"id":17,"record":17,"array_index":0,"array_count":5,"state":"pending"})");
  plane.on("GET /v1/jobs/3",
           R"({"id":3,"record":3,"array_index":0,"array_count":1,"state":"running"})");
  plane.on("POST /v1/jobs/17/cancel", R"({"job":17,"state":"cancelled"})");
  plane.on("POST /v1/jobs/17/requeue", R"({"job":17,"state":"stopping"})");
  plane.on("POST /v1/jobs/3/cancel", R"({"job":3,"state":"stopping"})");
  const auto last_query = [&] { return plane.asked().back().query; };
  EXPECT_EQ(run_mw(plane, {"job", "cancel", "17"}).out,
            "array 17: cancel asked; it is now cancelled.\n");
  EXPECT_EQ(last_query(), "whole_array=1");
  EXPECT_EQ(run_mw(plane, {"job", "cancel", "17[0]"}).out,
            "job 17[0]: cancel asked; it is now cancelled.\n");
  EXPECT_EQ(last_query(), "");
  EXPECT_EQ(run_mw(plane, {"job", "requeue", "17"}).code, 0);
  EXPECT_EQ(last_query(), "");
  const Ran several = run_mw(plane, {"job", "cancel", "3", "4"});
  EXPECT_EQ(several.code, 3);
  EXPECT_EQ(several.out, "job 3: cancel asked; it is now stopping.\n");
}

FakeResponse log_chunk(const std::string& data, int offset, bool complete, int attempt) {
  return {.body = data,
          .headers = "Content-Type: text/plain\r\nX-Millwright-Offset: " + std::to_string(offset) +
                     "\r\nX-Millwright-Next-Offset: " +
                     std::to_string(offset + static_cast<int>(data.size())) +
                     "\r\nX-Millwright-Complete: " + (complete ? "true" : "false") +
                     "\r\nX-Millwright-Attempt: " + std::to_string(attempt) + "\r\n"};
}

TEST(Logs, AreReadToTheirEndInPieces) {
  FakeControlPlane plane;
  plane.on("GET /v1/jobs/17", R"({"id":17,"tasks":2,"attempts":2,"state":"running"})");
  plane.on("GET /v1/jobs/17/logs", [](const FakeRequest& request) {
    if (request.query.find("offset=0&") != std::string::npos)
      return log_chunk("one\n", 10, false, 2);  // older output is gone
    if (request.query.find("offset=14&") != std::string::npos)
      return log_chunk("two\n", 14, false, 2);
    return log_chunk("", 18, false, 2);
  });
  const Ran ran = run_mw(plane, {"job", "logs", "17", "--rank", "1", "--stderr"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "one\ntwo\n");
  EXPECT_THAT(ran.err, HasSubstr("10 bytes of older output were rotated away"));
  EXPECT_EQ(plane.asked()[1].query, "rank=1&stream=stderr&offset=0&limit=65536");
  EXPECT_EQ(plane.asked()[2].query, "rank=1&stream=stderr&offset=14&limit=65536&attempt=2");
  EXPECT_EQ(run_mw(plane, {"job", "logs", "17", "--rank", "2"}).code, 3);
}

TEST(Logs, FollowingGoesOnInTheNextAttempt) {
  FakeControlPlane plane;
  int views = 0;
  plane.on("GET /v1/jobs/17", [&](const FakeRequest&) {
    ++views;  // the first is for the rank; then the job restarts, and has ended at last
    return FakeResponse{.body = views < 4
                                    ? R"({"id":17,"tasks":1,"attempts":2,"state":"running"})"
                                    : R"({"id":17,"tasks":1,"attempts":2,"state":"succeeded"})"};
  });
  plane.on("GET /v1/jobs/17/logs", [](const FakeRequest& request) {
    const bool second = request.query.find("attempt=2") != std::string::npos;
    const bool begin = request.query.find("offset=0&") != std::string::npos;
    if (begin) return log_chunk(second ? "new\n" : "old\n", 0, true, second ? 2 : 1);
    return log_chunk("", 4, true, second ? 2 : 1);
  });
  const Ran ran = run_mw(plane, {"job", "logs", "-f", "17"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "old\nnew\n");
  EXPECT_EQ(ran.err, "-- attempt 2 --\n");
}

TEST(Nodes, NamesAreEscapedAndReasonsSent) {
  FakeControlPlane plane;
  plane.on("POST /v1/nodes/a%2Fb/drain", R"({"name":"a/b"})");
  const Ran ran = run_mw(plane, {"node", "drain", "a/b", "--reason", "the \"fan\""});
  EXPECT_EQ(ran.out, "Node a/b is draining.\n") << ran.err;
  EXPECT_EQ(plane.asked()[0].body, R"({"reason":"the \"fan\""})");
}

TEST(Events, ArePagedAndLimited) {
  FakeControlPlane plane;
  plane.on("GET /v1/events", [](const FakeRequest& request) {
    EXPECT_THAT(request.query, HasSubstr("limit=2"));
    return FakeResponse{
        .body =
            R"({"events":[{"seq":6,"kind":"a","text":"x"},{"seq":7,"kind":"b","text":"y"}],"last":7})"};
  });
  const Ran ran = run_mw(plane, {"events", "--after", "5", "--limit", "2", "--json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(
      ran.out,
      "{\"seq\":6,\"kind\":\"a\",\"text\":\"x\"}\n{\"seq\":7,\"kind\":\"b\",\"text\":\"y\"}\n");
  EXPECT_EQ(plane.asked().size(), 1U);
}

TEST(Report, GoesWithTheAttemptsOwnToken) {
  FakeControlPlane plane;
  plane.on("POST /v1/report", R"({"ok":true})");
  const ScopedVariable token("MILLWRIGHT_TOKEN", "mwa1.17.2.abc");
  const ScopedVariable endpoint("MILLWRIGHT_ENDPOINT_FILE", (plane.home() / "endpoint").string());
  const ScopedVariable url("MILLWRIGHT_URL", "http://127.0.0.1:1");
  const ScopedVariable rank("MILLWRIGHT_RANK", "3");
  const Ran ran = run_mw(
      {"report", "--step", "10", "--loss", "2.5", "--checkpoint", "/c/10.pt", "--checkpointing"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
  EXPECT_THAT(plane.asked()[0].head, HasSubstr("Authorization: Bearer mwa1.17.2.abc\r\n"));
  EXPECT_EQ(
      plane.asked()[0].body,
      R"({"rank":3,"step":10,"loss":2.5E0,"checkpointing":true,"checkpoint":{"step":10,"path":"/c/10.pt"}})");
}

TEST(Report, SaysWhatIsWanted) {
  FakeControlPlane plane;
  const ScopedVariable token("MILLWRIGHT_TOKEN", "mwa1.17.2.abc");
  const ScopedVariable endpoint("MILLWRIGHT_ENDPOINT_FILE", (plane.home() / "endpoint").string());
  const ScopedVariable rank("MILLWRIGHT_RANK", "0");
  const auto said = [&](const std::string& answer) {
    plane.on("POST /v1/report", answer);
    return run_mw({"report", "--step", "10"}).out;
  };
  EXPECT_EQ(said(R"({"ok":true})"), "");
  EXPECT_EQ(said(R"({"ok":true,"checkpoint_wanted":false,"checkpoint_within_s":null})"), "");
  EXPECT_EQ(said(R"({"ok":true,"checkpoint_wanted":true,"checkpoint_within_s":null})"),
            "checkpoint wanted\n");
  const std::string wish = R"({"ok":true,"checkpoint_wanted":true,"checkpoint_within_s":539.6})";
  EXPECT_EQ(said(wish), "checkpoint wanted within 540 s\n");
  EXPECT_EQ(run_mw({"report", "--step", "10", "--json"}).out, wish + "\n");
}

TEST(Report, TellsOfFaults) {
  FakeControlPlane plane;
  plane.on("POST /v1/report", R"({"ok":true})");
  const ScopedVariable token("MILLWRIGHT_TOKEN", "mwa1.17.2.abc");
  const ScopedVariable endpoint("MILLWRIGHT_ENDPOINT_FILE", (plane.home() / "endpoint").string());
  const ScopedVariable rank("MILLWRIGHT_RANK", "3");
  EXPECT_EQ(run_mw({"report", "--step", "10", "--loss", "nan"}).code, 0);
  EXPECT_EQ(plane.asked()[0].body,
            R"({"rank":3,"step":10,"fault":{"code":"job.nan_loss","detail":"at step 10"}})");
  EXPECT_EQ(run_mw({"report", "--fault", "job.slow_rank", "--detail", "3 s behind"}).code, 0);
  EXPECT_EQ(plane.asked()[1].body,
            R"({"rank":3,"fault":{"code":"job.slow_rank","detail":"3 s behind"}})");
  EXPECT_THAT(run_mw({"report", "--detail", "x"}).err, HasSubstr("--detail needs --fault CODE"));
}

TEST(Report, NeverEndsATrainingRun) {
  const ScopedVariable token("MILLWRIGHT_TOKEN", "mwa1.17.2.abc");
  const ScopedVariable url("MILLWRIGHT_URL", "http://127.0.0.1:1");
  const ScopedVariable endpoint("MILLWRIGHT_ENDPOINT_FILE", "/no/such/file");
  const Ran ran = run_mw({"report", "--step", "10"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.err, StartsWith("mw: warning: the report did not arrive: "));
  EXPECT_EQ(run_mw({"report", "--step", "10", "--quiet"}).err, "");
  EXPECT_EQ(run_mw({"report", "--step", "10", "--strict"}).code, 7);
}

TEST(Down, WithoutAControlPlaneThereIsNothingToDo) {
  const FakeControlPlane plane;  // a folder whose lock nobody holds
  const Ran ran = run_mw(plane, {"down"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, StartsWith("No control plane runs with the home "));
}

TEST(Journal, SaysWhatTheHooksFound) {
  CliHooks hooks = hooks_of_nothing();
  hooks.journal_verify = [](const auto& home, const auto&) {
    EXPECT_EQ(home, "/h");
    return Result<JournalCheck>(JournalCheck{3, 4, 5});
  };
  hooks.journal_stats = [](const auto&) {
    return Result<JournalStats>(JournalStats{{"events", "5"}, {"last_event", "7"}});
  };
  JournalQuery seen;
  hooks.journal_events = [&](const auto&, const JournalQuery& query) {
    seen = query;
    std::vector<JournalEvent> page;
    if (query.after == 0)
      page.push_back({.seq = 1, .at = Instant(0), .kind = "a", .text = "x", .row = "{\"r\":1}"});
    return Result<std::vector<JournalEvent>>(page);
  };
  EXPECT_EQ(run_mw({"--home", "/h", "journal", "verify"}, hooks).out,
            "The journal is sound: 4 inputs in 3 batches, stepped again, gave the same 5 events "
            "and the same state.\n");
  EXPECT_EQ(run_mw({"--home", "/h", "journal", "verify", "--json"}, hooks).out,
            "{\n  \"batches\": 3,\n  \"inputs\": 4,\n  \"events\": 5\n}\n");
  EXPECT_EQ(run_mw({"--home", "/h", "journal", "stats"}, hooks).out,
            "events      5\nlast event  7\n");
  EXPECT_EQ(run_mw({"--home", "/h", "journal", "events", "--json", "--job", "9"}, hooks).out,
            "{\"r\":1}\n");
  EXPECT_EQ(seen.job, 9U);
  hooks.journal_verify = [](const auto&, const auto&) {
    return Result<JournalCheck>(Error{ErrorCode::kInternal, "event 3 differs"});
  };
  const Ran broken = run_mw({"--home", "/h", "journal", "verify"}, hooks);
  EXPECT_EQ(broken.code, 10);
  EXPECT_EQ(broken.err, "mw: error: event 3 differs\n");
}

}  // namespace
}  // namespace mw
