// The manual, the completion and the reference come from the tree of commands; the committed
// reference must be what it gives now.
#include "cli/manual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "cli/cli_test_support.h"

namespace mw {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// What the program prints for `input` on its standard input, and its exit status; 127 when there
/// is no such program.
std::pair<int, std::string> pipe_through(std::vector<std::string> words, const std::string& input) {
  std::FILE* in = std::tmpfile();
  std::FILE* out = std::tmpfile();
  std::fwrite(input.data(), 1, input.size(), in);
  std::rewind(in);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(in), 0);
  posix_spawn_file_actions_adddup2(&actions, fileno(out), 1);
  posix_spawn_file_actions_adddup2(&actions, fileno(out), 2);
  pid_t child = 0;
  int status = 127 << 8;
  if (posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ) == 0) {
    waitpid(child, &status, 0);
  }
  posix_spawn_file_actions_destroy(&actions);
  std::rewind(out);
  std::string output;
  char chunk[4096];
  for (std::size_t got = 0; (got = std::fread(chunk, 1, sizeof chunk, out)) > 0;) {
    output.append(chunk, got);
  }
  std::fclose(in);
  std::fclose(out);
  return {WEXITSTATUS(status), output};
}

TEST(Manual, TheCommittedReferenceIsCurrent) {
  std::ifstream stream(MW_CLI_REFERENCE);
  ASSERT_TRUE(stream) << MW_CLI_REFERENCE;
  std::stringstream committed;
  committed << stream.rdbuf();
  EXPECT_TRUE(committed.str() == cli_reference_markdown())
      << "docs/reference/cli.md is not what the commands say now: run mw man --markdown > "
         "docs/reference/cli.md";
  EXPECT_EQ(run_mw({"man", "--markdown"}).out, cli_reference_markdown());
}

TEST(Manual, ThePageIsRoff) {
  const std::string page = run_mw({"man"}).out;
  EXPECT_THAT(page, StartsWith(".TH MW 1 "));
  for (const char* part : {".SH NAME", ".SH EXIT STATUS", ".SH ENVIRONMENT", ".SH FILES",
                           ".SS mw job show", "\\-\\-checkpoint"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
}

TEST(Manual, EveryCommandIsInEveryFace) {
  const std::string markdown = cli_reference_markdown();
  const std::string page = run_mw({"man"}).out;
  const std::string bash = run_mw({"completion", "bash"}).out;
  for (const char* command : {"up",
                              "down",
                              "serve",
                              "submit",
                              "jobs",
                              "job show",
                              "job why",
                              "job logs",
                              "job cancel",
                              "job hold",
                              "job release",
                              "job requeue",
                              "nodes",
                              "node show",
                              "node drain",
                              "node resume",
                              "node quarantine",
                              "node validate",
                              "node retire",
                              "node provision",
                              "node story",
                              "faults list",
                              "faults post",
                              "faults clear",
                              "faults explain",
                              "faults reset",
                              "faults policy show",
                              "faults policy set",
                              "faults policy validate",
                              "incidents",
                              "incident show",
                              "ledger",
                              "goodput",
                              "experiment faults",
                              "events",
                              "report",
                              "journal verify",
                              "journal events",
                              "journal stats",
                              "version",
                              "completion",
                              "man",
                              "fleet list",
                              "fleet validate",
                              "fleet show",
                              "fleet stats",
                              "accelerators",
                              "accelerators show"}) {
    const std::string name = std::string("mw ") + command;
    EXPECT_THAT(markdown, HasSubstr("## " + name + "\n"));
    EXPECT_THAT(page, HasSubstr(".SS " + name));
    EXPECT_THAT(bash, HasSubstr("\"" + name + "\")"));
  }
}

TEST(Completion, BashTakesItAndOffersWhatFits) {
  const std::string script = run_mw({"completion", "bash"}).out;
  const auto complete = [&](const std::string& words, int at) {
    return pipe_through({"bash", "--norc"},
                        script + "\nCOMP_WORDS=(" + words + ")\nCOMP_CWORD=" + std::to_string(at) +
                            "\ncompopt() { :; }\n_mw\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
  };
  EXPECT_EQ(complete("mw sub", 1), std::pair(0, std::string("submit\n")));
  EXPECT_EQ(complete("mw job re", 2), std::pair(0, std::string("release\nrequeue\n")));
  EXPECT_EQ(complete("mw --home /x job lo", 4), std::pair(0, std::string("logs\n")));
  EXPECT_EQ(complete("mw job logs 17 --at", 4), std::pair(0, std::string("--attempt\n")));
  EXPECT_EQ(complete("mw completion z", 2), std::pair(0, std::string("zsh\n")));
}

TEST(Completion, ZshTakesIt) {
  if (pipe_through({"zsh", "--version"}, "").first != 0) GTEST_SKIP() << "no zsh here";
  EXPECT_EQ(pipe_through({"zsh", "-n"}, run_mw({"completion", "zsh"}).out),
            std::pair(0, std::string()));
}

}  // namespace
}  // namespace mw
