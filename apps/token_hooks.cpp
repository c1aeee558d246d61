#include "token_hooks.h"

#include "http/auth.h"

namespace mw {
namespace {

Result<std::string> user_token(const std::filesystem::path& home, const std::string& user) {
  auto key = http::load_or_make_secret(home / "key");
  if (!key) return key.error();
  return http::UserTokens(std::move(*key)).make(user);
}

}  // namespace

void add_token_hooks(CliHooks& hooks) { hooks.user_token = user_token; }

}  // namespace mw
