// mw token USER: what a person needs to speak to this control plane as themselves.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "cli/home.h"
#include "cli/json_view.h"
#include "cli/verbs.h"

namespace mw {
namespace {

int token(const Cli& cli, const std::string& user) {
  const auto home = cli.home();
  if (!home) return cli.console.fail(home.error());
  const auto endpoint = read_endpoint(*home);
  if (!endpoint) {
    return cli.console.fail(
        {ErrorCode::kUnavailable,
         fmt::format("no control plane has run with the home {}; start one with \"mw up\"",
                     home->string())});
  }
  const auto made = cli.hooks.user_token(*home, user);
  if (!made) return cli.console.fail(made.error());
  if (cli.globals.json) {
    cli.console.out(pretty_json(boost::json::serialize(
        boost::json::object{{"user", user}, {"endpoint", *endpoint}, {"token", *made}})));
  } else {
    cli.console.out(*made + "\n");
  }
  return 0;
}

}  // namespace

void add_token(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand("token", "Make a token with which a user acts as themselves");
  auto user = std::make_shared<std::string>();
  verb->add_option("USER", *user, "The user's name, as the system has it")->required();
  verb->footer(
      "Whoever has it can look at everything, hand in jobs as that user, and change and read the "
      "output of their own. It is made of HOME/key, so only the owner of the home can make one; "
      "replacing that file ends all tokens at once. Give it to the user by a file that nobody "
      "else can read: a folder with it as \"token\", and with a copy of HOME/endpoint, is a home "
      "for them.\n\n"
      "  mw token ada");
  verb->callback([&cli, user] { cli.action = [&cli, user] { return token(cli, *user); }; });
}

}  // namespace mw
